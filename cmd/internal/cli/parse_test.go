package cli

import (
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"
)

// common is shared by verbs.
type common struct {
	Log  string `default:"info" placeholder:"LEVEL" help:"the level"`
	JSON bool   `name:"json" help:"print JSON"`
}

type createVerb struct {
	Tenant string        `help:"the tenant"`
	Scope  []string      `default:"use" enum:"use,admin" help:"the scopes"`
	Limit  int           `short:"n" default:"20" placeholder:"NUMBER" help:"how many"`
	Share  float64       `help:"a share"`
	After  time.Duration `help:"a pause"`
	DryRun bool          `help:"change nothing"`
	Span   string        `default:"" enum:",hour,day" help:"a row for each"`
	Name   string        `arg:"" help:"the name"`
	Rest   []string      `arg:"" optional:"" help:"more"`
	common
}

// Validate refuses a share above 1.
func (v *createVerb) Validate() error {
	if v.Share > 1 {
		return errors.New("--share is at most 1")
	}
	return nil
}

type listVerb struct{ common }

type tool struct {
	Key struct {
		Create createVerb `cmd:"" help:"make one"`
		List   listVerb   `cmd:"" help:"show them"`
	} `cmd:"" help:"keys"`
	Models struct {
		List listVerb `cmd:"" default:"1" help:"show them"`
		Ask  listVerb `cmd:"" aliases:"refresh" help:"ask for them"`
	} `cmd:"" help:"models"`
}

func parse(t *testing.T, line string) (*tool, Command, error) {
	t.Helper()
	var got tool
	root, err := New("tool", "A tool.", &got)
	if err != nil {
		t.Fatal(err)
	}
	chosen, err := root.Parse(strings.Fields(line))
	return &got, chosen, err
}

func TestParse(t *testing.T) {
	t.Parallel()
	usual := createVerb{common: common{Log: "info"}, Scope: []string{"use"}, Limit: 20, Name: "x"}
	cases := map[string]func(*createVerb){
		"key create x":                           func(*createVerb) {},
		"key create --json x":                    func(v *createVerb) { v.JSON = true },
		"--json key create x":                    func(v *createVerb) { v.JSON = true },
		"key --tenant acme create x":             func(v *createVerb) { v.Tenant = "acme" },
		"key create x --tenant=acme=b":           func(v *createVerb) { v.Tenant = "acme=b" },
		"key create x -tenant acme":              func(v *createVerb) { v.Tenant = "acme" },
		"key create -n 3 x":                      func(v *createVerb) { v.Limit = 3 },
		"key create -n3 x":                       func(v *createVerb) { v.Limit = 3 },
		"key create -n=3 x":                      func(v *createVerb) { v.Limit = 3 },
		"key create --limit -3 x":                func(v *createVerb) { v.Limit = -3 },
		"key create x --scope admin":             func(v *createVerb) { v.Scope = []string{"admin"} },
		"key create x --scope use,admin":         func(v *createVerb) { v.Scope = []string{"use", "admin"} },
		"key create x --scope use --scope admin": func(v *createVerb) { v.Scope = []string{"use", "admin"} },
		"key create x --share .5 --after 90s":    func(v *createVerb) { v.Share, v.After = .5, 90*time.Second },
		"key create x --dry-run --json=false":    func(v *createVerb) { v.DryRun = true },
		"key create x y --log warn z":            func(v *createVerb) { v.Log, v.Rest = "warn", []string{"y", "z"} },
		"key create x -- --log -":                func(v *createVerb) { v.Rest = []string{"--log", "-"} },
		"key create x -":                         func(v *createVerb) { v.Rest = []string{"-"} },
	}
	for line, change := range cases {
		want := usual
		change(&want)
		got, chosen, err := parse(t, line)
		if err != nil || chosen.Path() != "tool key create" || !reflect.DeepEqual(got.Key.Create, want) {
			t.Errorf("%s: %+v, %v", line, got.Key.Create, err)
		}
	}
}

func TestVerbs(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"models": "tool models list", "models --json": "tool models list", "models list": "tool models list",
		"models refresh": "tool models ask", "key list": "tool key list",
	} {
		if _, chosen, err := parse(t, line); err != nil || chosen.Path() != want {
			t.Errorf("%s is %s, %v", line, chosen.Path(), err)
		}
	}
	for line, want := range map[string]string{"-h": "tool", "key --help": "tool key", "key create -h": "tool key create"} {
		if _, chosen, err := parse(t, line); !errors.Is(err, ErrHelp) || chosen.Path() != want {
			t.Errorf("%s is the help of %s, %v", line, chosen.Path(), err)
		}
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	for line, want := range map[string]string{
		"":                            `expected one of "key", "models"`,
		"keys":                        `unexpected argument keys, did you mean "key"?`,
		"key make":                    `unexpected argument make`,
		"models what":                 `unexpected argument what`,
		"key create":                  `expected "<name>": the name`,
		"models --jsn":                `unknown flag --jsn, did you mean "--json"?`,
		"key create x --dryrun":       `unknown flag --dryrun, did you mean "--dry-run"?`,
		"key list --tenant x":         `unknown flag --tenant`,
		"key --tenant x list":         `unknown flag --tenant`,
		"key create x --limit":        `--limit needs a value: NUMBER`,
		"key create x --limit many":   `--limit: expected a valid 64 bit int but got "many"`,
		"key create x --share x":      `--share: expected a float but got "x" (string)`,
		"key create x --after 5":      `--after: expected duration but got "5": time: missing unit in duration "5"`,
		"key create x --json=perhaps": `--json: bool value must be true, 1, yes, false, 0 or no but got "perhaps"`,
		"key create x --scope all":    `--scope must be one of "use","admin" but got "all"`,
		"key create x --span week":    `--span must be one of "hour","day" but got "week"`,
		"key create x --share 2":      `--share is at most 1`,
	} {
		_, _, err := parse(t, line)
		var wrong *Fault
		if !errors.As(err, &wrong) || err.Error() != want {
			t.Errorf("%s: %v, want %s", line, err, want)
		}
	}
}

func TestUsage(t *testing.T) {
	t.Parallel()
	_, create, _ := parse(t, "key create -h")
	const want = `usage: tool key create [flags] NAME [REST…]

make one

  --tenant
      the tenant
  --scope
      the scopes: use, admin (without it: use)
  -n, --limit NUMBER
      how many (without it: 20)
  --share
      a share
  --after
      a pause
  --dry-run
      change nothing
  --span
      a row for each: hour, day
  --log LEVEL
      the level (without it: info)
  --json
      print JSON
`
	if got := create.Usage(); got != want {
		t.Errorf("the help is\n%s", got)
	}
	_, root, _ := parse(t, "-h")
	if got := root.Usage(); !strings.Contains(got, "  key     keys\n  models  models\n") {
		t.Errorf("the list of verbs is\n%s", got)
	}
}
