package boot

import (
	"cmp"
	"errors"
	"fmt"

	"dreamlab/cmd/internal/config"
	"dreamlab/providers"
	"dreamlab/providers/bill"
	"dreamlab/providers/openai"
)

// opened are drivers, and what was wrong with those that could not be opened.
type opened struct {
	drivers  map[string]providers.Driver    // by vendor name
	accounts map[string][]providers.Account // of the vendors that have several keys
	faults   error
}

// openDrivers opens what is configured, or every vendor at the sandbox. Without runs, nothing
// can be trained on people's own machines.
func openDrivers(c *config.Config, sandboxURL string, runs providers.Runs) (*opened, error) {
	o := &opened{drivers: map[string]providers.Driver{}, accounts: map[string][]providers.Account{}}
	for _, v := range list() {
		name := v.Name
		if sandboxURL != "" {
			o.open(v.Vendor, providers.Config{Values: v.Sandbox(sandboxURL+"/"+name, SandboxKey), Runs: runs})
		} else if values, configured := c.Vendors[name]; configured {
			o.open(v.Vendor, providers.Config{Values: values, Runs: runs})
			o.openAccounts(v.Vendor, c.Accounts[name])
		}
	}
	for _, server := range c.Servers {
		o.openServer(server)
	}
	return o, o.faults
}

// open opens a vendor's driver, which is its first.
func (o *opened) open(vendor providers.Vendor, config providers.Config) {
	if driver := o.driver(vendor, "", config); driver != nil {
		o.drivers[vendor.Name] = driver
	}
}

func (o *opened) driver(vendor providers.Vendor, account string, config providers.Config) providers.Driver {
	driver, err := vendor.Open(config)
	if err != nil {
		o.faults = errors.Join(o.faults, fmt.Errorf("open %s: %w", accountName(vendor.Name, account), err))
		return nil
	}
	return driver
}

// openAccounts opens a vendor's other accounts, where there are any.
func (o *opened) openAccounts(vendor providers.Vendor, accounts []config.Account) {
	first := o.drivers[vendor.Name]
	if first == nil || len(accounts) == 0 {
		return
	}
	o.add(vendor.Name, providers.Account{Weight: config.Share(nil), Driver: first})
	for _, a := range accounts {
		if driver := o.driver(vendor, a.Name, providers.Config{Values: a.Values}); driver != nil {
			o.add(vendor.Name, providers.Account{Name: a.Name, Weight: config.Share(a.Weight), Driver: driver})
		}
	}
}

func (o *opened) add(vendor string, account providers.Account) {
	o.accounts[vendor] = append(o.accounts[vendor], account)
}

// openServer opens one of the operator's own servers with each of its keys.
func (o *opened) openServer(server config.Server) {
	settings := providers.Config{InOnePiece: server.InOnePiece, Prefill: server.Prefill}
	for _, key := range server.Keys {
		server.Key = key.Key
		driver := o.driver(ownServer(server), key.KeyEnv, settings)
		if driver == nil {
			continue
		}
		o.drivers[server.Name] = cmp.Or(o.drivers[server.Name], driver)
		o.add(server.Name, providers.Account{Name: key.KeyEnv, Weight: config.Share(key.Weight), Driver: driver})
	}
	if len(server.Keys) == 0 {
		o.open(ownServer(server), settings)
	}
}

// accountName names an account of a vendor.
func accountName(vendor, account string) string {
	if account == "" {
		return vendor
	}
	return vendor + "@" + account
}

func ownServer(server config.Server) providers.Vendor {
	return openai.Compatible(server.Name, server.BaseURL, server.Key, server.Pass...)
}

// Biller returns what tells what a configured vendor has billed, or an error that says what is
// missing.
func Biller(c *config.Config, vendor string) (bill.Biller, error) {
	for _, server := range c.Servers {
		if server.Name == vendor {
			return serverBills(server)
		}
	}
	for _, v := range list() {
		if values, configured := c.Vendors[vendor]; configured && v.Name == vendor {
			driver, err := v.Open(providers.Config{Values: values})
			if err != nil {
				return nil, fmt.Errorf("open %s: %w", vendor, err)
			}
			if billed, is := driver.(bill.Biller); is {
				return billed, nil
			}
			return nil, fmt.Errorf("%s tells of no bill by its API as it is configured: give its export as FILE", vendor)
		}
	}
	return nil, fmt.Errorf("%s is not configured here", vendor)
}

func serverBills(server config.Server) (bill.Biller, error) {
	if server.AdminKey == "" {
		return nil, fmt.Errorf("servers: %s needs admin_key_env, and the key in that variable, to tell of its bills: "+
			"or give its export as FILE", server.Name)
	}
	return openai.NewBills(server.Name, server.BaseURL, server.AdminKey, providers.Config{})
}
