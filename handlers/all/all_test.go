package all_test

import (
	"testing"

	"dreamlab/handlers"
	"dreamlab/handlers/all"
	"dreamlab/tasks"
)

func TestEveryKindHasAHandler(t *testing.T) {
	t.Parallel()
	list, err := all.Handlers(all.Deps{Caller: handlers.NewCaller(handlers.CallerOptions{})})
	if err != nil {
		t.Fatal(err)
	}
	for _, kind := range tasks.Kinds() {
		if list[kind] == nil {
			t.Errorf("there is no handler of %s", kind)
		}
	}
	if len(list) != len(tasks.Kinds()) {
		t.Errorf("%d handlers for %d kinds", len(list), len(tasks.Kinds()))
	}
}
