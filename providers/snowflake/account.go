package snowflake

import (
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"

	"dreamlab/providers/openai"
)

// account is where an account answers, and its name in what its users sign.
type account struct {
	base string // https://host
	name string // upper case, without a region
}

// domain is below which the hosts of accounts stand. Those in China have another end.
const domain = ".snowflakecomputing."

var goodAccount = regexp.MustCompile(`^[A-Za-z0-9_-]+(\.[A-Za-z0-9_-]+)*$`)

// newAccount reads the forms in which accounts are written
// (https://docs.snowflake.com/en/user-guide/admin-account-identifier):
// organisation-account, locator, locator.region, locator.region.cloud, any of these
// with .privatelink, and the URL. A host that is given outranks that of the name.
func newAccount(identifier, host string) (account, error) {
	identifier = strings.TrimSpace(identifier)
	written := identifier
	if rest, ok := strings.CutPrefix(written, "https://"); ok {
		written = rest
	} else if strings.Contains(written, "://") {
		return account{}, errors.New(envAccount + ": set it to the account's name, or to its URL with https://")
	}
	written = strings.TrimRight(written, "/")
	end := domain + "com"
	if before, after, found := strings.Cut(strings.ToLower(written), domain); found {
		end = domain + after
		written = written[:len(before)]
	} else if strings.Contains(written+".", ".cn-") {
		end = domain + "cn"
	}
	if !goodAccount.MatchString(written) {
		return account{}, fmt.Errorf("%s: set it to the account, such as myorg-account1", envAccount)
	}
	name, _, _ := strings.Cut(written, ".")
	a := account{name: strings.ToUpper(name)}
	// Certificates hold no underscore.
	a.base = "https://" + strings.ReplaceAll(strings.ToLower(written), "_", "-") + strings.ToLower(end)
	if host == "" {
		return a, checkHost(a.base)
	}
	if !strings.Contains(host, "://") {
		host = "https://" + host
	}
	base, err := openai.CheckBase(envHost, host)
	a.base = base
	return a, err
}

// checkHost refuses what is no address, such as a path behind the host.
func checkHost(base string) error {
	parsed, err := url.Parse(base)
	if err != nil || parsed.Host == "" || parsed.Path != "" || parsed.User != nil || parsed.RawQuery != "" {
		return fmt.Errorf("%s: set it to the account, such as myorg-account1", envAccount)
	}
	return nil
}
