package config

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
)

// OIDC is an issuer of OpenID Connect whose tokens are taken in the place of API keys.
type OIDC struct {
	// Issuer is its URL, as in the claim iss: /.well-known/openid-configuration below it names its keys.
	Issuer string `yaml:"issuer"`
	// Audience is what its tokens have to be made for, one of the claim aud.
	Audience string `yaml:"audience"`
	// Claims name those that are mapped.
	Claims Claims `yaml:"claims,omitempty"`
	// Tenants are names of tenants by the value of the claim tenant; "*" stands for every other value,
	// and for the lack of one. A token that names none of them, or two, is refused.
	Tenants map[string]string `yaml:"tenants"`
	// Scopes are use, view, review and admin, by the words of the claim scopes; "*" as with tenants.
	// Defaults to dreamlab:use, dreamlab:view, dreamlab:review and dreamlab:admin for each.
	Scopes map[string]string `yaml:"scopes,omitempty"`
	// Models are those that its identities may ask, as a key's: aliases or provider/model, a * at the
	// end standing for any rest. Defaults to all.
	Models Names `yaml:"models,omitempty"`
}

// Claims are names of claims. A name with dots that is no claim leads into objects, as
// realm_access.roles does.
type Claims struct {
	Tenant string `yaml:"tenant,omitempty"` // Defaults to none: tenants has "*" alone.
	Scopes string `yaml:"scopes,omitempty"` // Defaults to scope.
}

const adminScope = "admin"

// scopes are those of keys.
func scopes() []string { return []string{"view", "use", "review", adminScope} }

// anyValue stands for every value of a claim that is not listed.
const anyValue = "*"

// fill sets what is left out.
func (o *OIDC) fill() {
	if o.Claims.Scopes == "" {
		o.Claims.Scopes = "scope"
	}
	if len(o.Scopes) == 0 {
		o.Scopes = map[string]string{}
		for _, scope := range scopes() {
			o.Scopes["dreamlab:"+scope] = scope
		}
	}
}

func checkOIDC(l *loader) {
	seen := map[[2]string]bool{}
	for i := range l.OIDC {
		o := &l.OIDC[i]
		o.fill()
		for _, fault := range slices.Concat(o.addressFaults(), o.tenantFaults(), o.scopeFaults()) {
			l.fault("oidc[%d]%s", i, fault)
		}
		if seen[[2]string{o.Issuer, o.Audience}] {
			l.fault("oidc[%d]: this issuer is listed twice with one audience: keep one", i)
		}
		seen[[2]string{o.Issuer, o.Audience}] = true
	}
}

func (o *OIDC) addressFaults() (faults []string) {
	issuer, err := url.Parse(o.Issuer)
	if err != nil || issuer.Host == "" || issuer.Scheme != "https" && issuer.Scheme != "http" ||
		issuer.User != nil || issuer.RawQuery != "" || issuer.Fragment != "" {
		faults = append(faults, ": issuer has to be a URL that begins with https://, without a query, as it is in its tokens")
	}
	if o.Audience == "" {
		faults = append(faults, ": give the audience that its tokens are made for: without one those for other programs would be taken")
	}
	return faults
}

func (o *OIDC) tenantFaults() (faults []string) {
	if len(o.Tenants) == 0 {
		faults = append(faults, ": say under tenants which tenant its tokens speak for, as in {\"*\": default}")
	}
	for _, value := range sorted(o.Tenants) {
		if o.Tenants[value] == "" {
			faults = append(faults, fmt.Sprintf(".tenants: %q names no tenant", value))
		}
		if value != anyValue && o.Claims.Tenant == "" {
			faults = append(faults, fmt.Sprintf(".tenants: name the claim whose value %q is, under claims.tenant", value))
		}
	}
	return faults
}

func (o *OIDC) scopeFaults() (faults []string) {
	for _, word := range sorted(o.Scopes) {
		if !slices.Contains(scopes(), o.Scopes[word]) {
			faults = append(faults, fmt.Sprintf(".scopes: %q is no scope: use %s", o.Scopes[word], strings.Join(scopes(), ", ")))
		}
	}
	return faults
}

// weakOIDC lists what is weak of the issuers.
func weakOIDC(issuers []OIDC) (weak []string) {
	for _, o := range issuers {
		if strings.HasPrefix(o.Issuer, "http:") && openURL(o.Issuer) {
			weak = append(weak, "an issuer of oidc is asked for its keys without TLS: whoever is between can sign tokens: use https://")
		}
		if o.Scopes[anyValue] == adminScope {
			weak = append(weak, "oidc.scopes makes everybody who has a token an admin: map a claim that few have")
		}
		if _, any := o.Tenants[anyValue]; any && o.Claims.Tenant != "" && len(o.Tenants) > 1 {
			weak = append(weak, "oidc.tenants takes tokens of tenants that it does not list: leave \"*\" out")
		}
	}
	return weak
}
