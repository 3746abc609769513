package config

// Tenant sets a tenant's part of the lanes, and whether it shares the cache. It is made where there is none of that
// name; one that is not listed has weight 1 and the lanes' caps.
type Tenant struct {
	Name string `yaml:"name"`
	// Weight is its share of a lane in which several have jobs that wait: with 3
	// it gets three turns where another has one. Defaults to 1.
	Weight int `yaml:"weight,omitempty"`
	// Cap bounds its jobs in flight in each lane. Defaults to the lane's tenant_cap.
	Cap int `yaml:"cap,omitempty"`
	// SharedCache has it and all other tenants with this setting be given each other's answers from the cache. Such
	// an answer names no job. Defaults to false: a tenant is given its own alone.
	SharedCache bool `yaml:"shared_cache,omitempty"`
}

func (l *loader) checkTenants() {
	seen := map[string]bool{}
	for i, t := range l.Tenants {
		if t.Name == "" || seen[t.Name] {
			l.fault("tenants[%d]: name %q: list each tenant once, by its name", i, t.Name)
		}
		seen[t.Name] = true
		if min(t.Weight, t.Cap) < 0 {
			l.fault("tenants[%d]: weight and cap can not be negative", i)
		}
	}
}
