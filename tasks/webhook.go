package tasks

import (
	"net/netip"
	"net/url"
	"strings"
)

// WebhookRules say where webhooks may go: to public addresses over https, and
// to the named networks in whatever way. The zero value names none.
type WebhookRules struct {
	// Private are networks that are not public and may be reached all the same.
	Private []netip.Prefix
}

// maxWebhook bounds a webhook's URL, in bytes: the length that servers commonly take.
const maxWebhook = 2048

// Check tells what is wrong with a webhook's URL, or nil. A name is looked up
// only when it is called: see Permits.
func (r WebhookRules) Check(text string) error {
	const param = "webhook_url"
	if len(text) > maxWebhook {
		return invalid(param, "a webhook's URL has at most %d bytes", maxWebhook)
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http" {
		return invalid(param, "give a whole URL, as https://example.com/hook")
	}
	if u.User != nil || u.Fragment != "" {
		return invalid(param, "leave out user, password and fragment: deliveries are signed")
	}
	addr, literal := literalAddr(u.Hostname())
	switch {
	case literal && !r.Permits(addr):
		return invalid(param, "the address is not public: the operator may allow its network by webhooks.private")
	case u.Scheme == "http" && !(literal && r.named(addr)):
		return invalid(param, "use https: plain http is for networks that the operator allows by webhooks.private")
	}
	return nil
}

// literalAddr reads a host that is an address, or this machine's own name.
func literalAddr(host string) (netip.Addr, bool) {
	if strings.EqualFold(strings.TrimSuffix(host, "."), "localhost") {
		return netip.AddrFrom4([4]byte{127, 0, 0, 1}), true
	}
	addr, err := netip.ParseAddr(host)
	return addr, err == nil
}

// Permits tells whether a webhook may be delivered to an address.
func (r WebhookRules) Permits(addr netip.Addr) bool {
	addr = addr.Unmap().WithZone("")
	return r.named(addr) || addr.IsGlobalUnicast() && !inside(addr, reserved())
}

func (r WebhookRules) named(addr netip.Addr) bool { return inside(addr.Unmap(), r.Private) }

func inside(addr netip.Addr, networks []netip.Prefix) bool {
	for _, network := range networks {
		if network.Contains(addr) {
			return true
		}
	}
	return false
}

// reserved lists the networks of unicast addresses that are no public hosts'
// (https://www.iana.org/assignments/iana-ipv4-special-registry, and its IPv6
// sister), and those whose addresses hold another that would be reached.
func reserved() []netip.Prefix {
	var networks []netip.Prefix
	for _, text := range []string{
		"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
		"192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "240.0.0.0/4",
		"::/96", "64:ff9b::/96", "64:ff9b:1::/48", "100::/64", "2001::/23", "2001:db8::/32", "2002::/16",
		"3fff::/20", "5f00::/16", "fc00::/7", "fec0::/10",
	} {
		networks = append(networks, netip.MustParsePrefix(text))
	}
	return networks
}
