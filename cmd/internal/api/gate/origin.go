package gate

import (
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
)

// handedOn are headers, by their beginning, that proxies add to what they hand on.
var handedOn = []string{
	"Forwarded", "X-Forwarded", "X-Real-", "X-Client-", "X-Cluster-", "X-Original-", "X-Proxy", "X-Envoy-", "X-Amzn-",
	"X-Amz-Cf-", "X-Azure-", "X-Appengine-", "X-Cloud-", "X-Arr-", "X-Request-Start", "True-Client-", "Client-Ip", "Via",
	"Cf-", "Cdn-", "Fly-", "Fastly-", "Akamai-", "Proxy-", "Wl-Proxy-",
}

// fromHere tells whether a request comes from this machine, for this machine: it
// was not handed on by a proxy, which would make everybody local, and does not ask
// for another name, by which a page in a browser here would reach us.
func fromHere(r *http.Request) bool {
	for name := range r.Header { // even where it is empty
		if slices.ContainsFunc(handedOn, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
			return false
		}
	}
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	return err == nil && from.Addr().Unmap().IsLoopback() && LoopbackHost(r.Host)
}

// LoopbackHost tells whether the Host of a request names the machine itself, as
// nothing else can that a browser was led to.
func LoopbackHost(host string) bool {
	name := hostName(host)
	if address, err := netip.ParseAddr(name); err == nil {
		return address.Unmap().IsLoopback()
	}
	return name == "localhost" || strings.HasSuffix(name, ".localhost")
}

// hostName returns the name or address in a Host, without its port.
func hostName(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	return strings.ToLower(strings.TrimSuffix(host, "."))
}

// MayLook tells whether a request without need of a key is shown what the API
// depends on: where it asks for an address, which no page in a browser can make
// another name lead to, or for this machine by name, or has a key.
func (g *Gate) MayLook(r *http.Request) bool {
	if _, err := netip.ParseAddr(hostName(r.Host)); err == nil || LoopbackHost(r.Host) {
		return true
	}
	_, err := g.admit(r, Use)
	return err == nil
}
