package main

import (
	"context"
	"errors"
	"fmt"
	"io"

	"dreamlab/cmd/internal/boot"
	"dreamlab/cmd/internal/cli"
	"dreamlab/cmd/internal/cli/show"
	"dreamlab/cmd/internal/config"
)

// shell is the environment of a verb.
type shell struct {
	in        io.Reader
	out, errs io.Writer // run escapes control characters that are written to them
	log, raw  io.Writer // where errs and out go, unescaped, for lines in colour
	asks      bool      // in is a terminal, at which somebody can be asked
	live      bool      // errs is a terminal, on which lines can be drawn over
	colour    bool      // out is a terminal, whose user likes colours
	lookup    func(name string) (string, bool)
	root      *cli.Program // the command line itself
}

// verb is what a struct of the program's verbs does once its flags and arguments are read.
type verb interface {
	Run(ctx context.Context, sh shell) error
}

// program is the command line: each field is a verb, in the order in which help lists them.
type program struct {
	Up        upVerb        `cmd:"" group:"Run" help:"run api, worker and scheduler in one process"`
	Demo      demoVerb      `cmd:"" group:"Run" help:"run the whole loop on sample conversations, offline"`
	API       apiVerb       `cmd:"" name:"api" group:"Run" help:"serve the API alone"`
	Worker    workerVerb    `cmd:"" group:"Run" help:"do the work that is queued"`
	Scheduler schedulerVerb `cmd:"" group:"Run" help:"fire the schedules"`
	Sandbox   sandboxVerb   `cmd:"" group:"Run" help:"serve the vendors' emulators alone"`

	Migrate migrateVerb `cmd:"" group:"Operate" help:"bring the database's schema to the version of this program"`
	Key     keyVerb     `cmd:"" group:"Operate" help:"make, list or end API keys, in the database itself"`
	Doctor  doctorVerb  `cmd:"" group:"Operate" help:"show each setting and its source, and test each dependency"`
	Status  statusVerb  `cmd:"" group:"Operate" help:"show parts, lanes, workers, dreams and spending; retry dead work"`
	Health  healthVerb  `cmd:"" group:"Operate" help:"say whether a process is ready, for health checks of containers"`
	Bench   benchVerb   `cmd:"" group:"Operate" help:"drive the configured database and queue hard and show how fast they are"`
	Models  modelsVerb  `cmd:"" aliases:"model" group:"Operate" help:"list and compare models, or ask vendors for theirs"`
	Price   priceVerb   `cmd:"" group:"Operate" help:"say what a file of requests costs at each model: live, batch and flex"`

	Chat     chatVerb     `cmd:"" group:"Use" help:"ask a question and show the answer as it comes"`
	Import   importVerb   `cmd:"" group:"Use" help:"bring conversations in, or ask what a file of questions holds"`
	Dream    dreamVerb    `cmd:"" group:"Use" help:"go back over new conversations now; list, show, cancel and undo dreams"`
	Tune     tuneVerb     `cmd:"" group:"Use" help:"fine-tune on the kept examples; list, show and cancel tunes"`
	Job      jobVerb      `cmd:"" group:"Use" help:"list, show, cancel and retry jobs, one or all that match"`
	Usage    usageVerb    `cmd:"" group:"Use" help:"show what was spent, by day, purpose, provider, model, key or job"`
	Budget   budgetVerb   `cmd:"" group:"Use" help:"list, set and remove caps of spending"`
	Route    routeVerb    `cmd:"" group:"Use" help:"show where the traffic of aliases goes, change it, go back"`
	Memory   memoryVerb   `cmd:"" group:"Use" help:"show what the dreams put together, compare its versions, go back"`
	Review   reviewVerb   `cmd:"" group:"Use" help:"judge the examples that dreams kept: keep, reject, write anew, take back"`
	Lineage  lineageVerb  `cmd:"" group:"Use" help:"show what a thing came from, and what came of it"`
	Tail     tailVerb     `cmd:"" group:"Use" help:"show what happens to jobs, dreams, tunes and routes as it happens"`
	Open     openVerb     `cmd:"" group:"Use" help:"open the pages in a browser, or the page of an id"`
	Notebook notebookVerb `cmd:"" group:"Use" help:"hand out the training of a tune for Colab or a GPU of your own"`
	Evaluate evaluateVerb `cmd:"" group:"Use" help:"repeat an evaluation to the letter, and compare the decisions"`
	Judge    judgeVerb    `cmd:"" group:"Use" help:"measure judges"`
	Cache    cacheVerb    `cmd:"" group:"Use" help:"measure the cache"`

	Login   loginVerb   `cmd:"" group:"This program" help:"keep a server and a key to it, for the verbs that are clients"`
	Context contextVerb `cmd:"" group:"This program" help:"choose between the servers of dreamlab login"`

	Version    versionVerb    `cmd:"" group:"This program" help:"show the build, its commit and the schema that it knows"`
	Completion completionVerb `cmd:"" group:"This program" help:"print the script by which a shell completes this command line"`
	Site       siteVerb       `cmd:"" group:"This program" help:"write the documentation as plain HTML files"`
	Man        manVerb        `cmd:"" group:"This program" help:"print the manual page"`
	Complete   completeVerb   `cmd:"" name:"__complete" hidden:"" help:"print what the last of the words can become"`
}

// commands returns the command line, and where its structs are.
func commands() (*cli.Program, error) {
	return cli.New("dreamlab", "Dream Lab answers chats by day and makes its model better by night.", &program{})
}

// Help describes how the verbs that are clients find the API.
func (*program) Help() string { return reach }

// run runs the program with the arguments and returns its exit code.
func run(ctx context.Context, sh shell, args []string) int {
	sh.log, sh.raw = sh.errs, sh.out
	sh.out, sh.errs = show.Plain(sh.out), show.Plain(sh.errs)
	root, err := commands()
	if err != nil {
		fmt.Fprintf(sh.errs, "dreamlab: read the tags of its verbs: %v\n", err)
		return exitFailed
	}
	sh.root = root
	chosen, err := root.Parse(plainArgs(args))
	if errors.Is(err, cli.ErrHelp) {
		fmt.Fprint(sh.out, chosen.Usage())
		return exitOK
	}
	if err == nil {
		err = perform(ctx, sh, chosen.Verb().(verb))
	}
	return conclude(sh, chosen.Path(), err)
}

// plainArgs replaces the usual other ways to ask for help and for the version.
func plainArgs(args []string) []string {
	switch {
	case len(args) == 0:
		return []string{"--help"}
	case args[0] == "help":
		return append(args[1:len(args):len(args)], "--help")
	case args[0] == "--version" || args[0] == "-version":
		return append([]string{"version"}, args[1:]...)
	}
	return args
}

// reach describes how the verbs that are clients find the API.
const reach = `The verbs that are clients ask the API at DREAMLAB_URL with the key in DREAMLAB_KEY.
Without them they ask the server of --context, DREAMLAB_CONTEXT or ` + "`dreamlab context use`" + `,
and without any they find the ` + "`dreamlab up`" + ` of the data directory (DREAMLAB_DATA) by the
address and the key that it keeps there; the key goes to no other server.

Exit codes: 0 done, 1 failed, 2 wrong arguments or settings, 3 refused by a gate, 4 no
valid key, 5 the server cannot be reached, 124 the wait ran out, 130 interrupted.
`

// settings are the flags that every verb with a configuration has.
type settings struct {
	File string `name:"config" group:"Settings" placeholder:"FILE" help:"the FILE to read instead of dreamlab.yaml"`
	Data string `group:"Settings" placeholder:"DIRECTORY" help:"the DIRECTORY of the embedded parts, instead of DREAMLAB_DATA"`
	Log  string `group:"Settings" placeholder:"LEVEL" help:"the LEVEL of the log, instead of DREAMLAB_LOG"`
}

// address is the flag of the verbs that serve the API, or are clients of it.
type address struct {
	Addr string `group:"Settings" placeholder:"HOST:PORT" help:"HOST:PORT of the API, instead of DREAMLAB_ADDR"`
}

func (s *settings) load(sh shell) (*config.Config, error) { return s.loadAt(sh, address{}) }

func (s *settings) loadAt(sh shell, at address) (*config.Config, error) {
	return config.Load(s.options(sh, at))
}

func (s *settings) options(sh shell, at address) config.Options {
	return config.Options{
		File: s.File, Vendors: boot.Vendors(), Lookup: sh.lookup,
		Flags: map[string]string{"addr": at.Addr, "data": s.Data, "log": s.Log},
	}
}
