package main

import (
	"fmt"
	"strings"
)

// mutation is one fault that could be made in the program.
type mutation struct {
	name     string // the fault
	file     string // from the module's root
	old, new string // what is replaced, which stands in the file once
	test     []string
	seed     uint64 // of the run of chaos that has to fail, in place of a test
}

// by names the test or the run that has to fail.
func (m mutation) by() string {
	if m.seed != 0 {
		return fmt.Sprintf("chaos --seed %d", m.seed)
	}
	return "go test " + strings.Join(m.test, " ")
}

// apply makes the change in the text of the file.
func (m mutation) apply(text string) (string, error) {
	if n := strings.Count(text, m.old); n != 1 {
		return "", fmt.Errorf("%q stands in %s %d times, not once: bring the mutation up to date", m.old, m.file, n)
	}
	return strings.Replace(text, m.old, m.new, 1), nil
}

// tests are the arguments of go test for some tests of a package.
func tests(folder, names string) []string {
	return []string{"-run", "^(" + names + ")$", "./" + folder}
}

// mutations are all of them.
func mutations() []mutation {
	var all []mutation
	for _, some := range [][]mutation{ofJobs(), ofMoney(), ofAnswers(), ofLearning(), ofSecrets()} {
		all = append(all, some...)
	}
	return all
}
