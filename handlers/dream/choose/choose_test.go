package choose

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"dreamlab/providers"
	"dreamlab/store/learn"
	"dreamlab/store/plainjson"
)

func asked(id, question string) learn.Experience {
	return learn.Experience{ID: id, Prompt: plainjson.Of([]providers.Message{
		providers.TextMessage("system", "You sell kettles and telescopes."), providers.TextMessage("user", question),
	})}
}

// TestWhatIsWeakOrRareComesFirst has a hundred questions about kettles, one about telescopes, a corrected, a
// disliked and a reopened answer, and one that can be checked.
func TestWhatIsWeakOrRareComesFirst(t *testing.T) {
	t.Parallel()
	var o Order
	var rest []string
	for i := range 100 {
		id := fmt.Sprintf("exp_%03d", i)
		rest = append(rest, id)
		o.Add(asked(id, fmt.Sprintf("My %s kettle leaks at the lid", []string{"blue", "white", "green", "black", "steel"}[i%5])))
	}
	o.Add(asked("exp_rare", "Which telescope shows Saturn?"))
	o.Add(learn.Experience{ID: "exp_unreadable", Prompt: []byte(`{}`)})
	disliked, corrected := asked("exp_disliked", "My blue kettle leaks"), asked("exp_corrected", "My blue kettle leaks")
	disliked.Rating, corrected.Correction = new(int64(-1)), "Send it in."
	reopened, checkable := asked("exp_reopened", "My blue kettle leaks"), asked("exp_checkable", "My blue kettle leaks")
	reopened.Reopened, checkable.Reference = time.Unix(1, 0), "Send it in."
	for _, e := range []learn.Experience{checkable, disliked, corrected, reopened} {
		o.Add(e)
	}
	want := append([]string{"exp_disliked", "exp_corrected", "exp_reopened", "exp_checkable", "exp_rare"}, append(rest, "exp_unreadable")...)
	if got := o.IDs(); !slices.Equal(got, want) {
		t.Errorf("got %v", got)
	}
}

// TestAFewQuestionsHaveNoRareTopic keeps the order of a small batch.
func TestAFewQuestionsHaveNoRareTopic(t *testing.T) {
	t.Parallel()
	var o Order
	for _, id := range []string{"a", "b", "c"} {
		o.Add(asked(id, "Which "+id+id+id+id+" is it?"))
	}
	if got := o.IDs(); !slices.Equal(got, []string{"a", "b", "c"}) {
		t.Errorf("got %v", got)
	}
}
