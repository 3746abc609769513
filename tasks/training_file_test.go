package tasks_test

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"dreamlab/tasks"
)

const goodRow = `{"messages":[{"role":"user","content":"When?"},{"role":"assistant","content":"At nine."}]}`

func TestTrainingFileIsClean(t *testing.T) {
	t.Parallel()
	want := goodRow + "\n" + goodRow + "\n"
	for name, file := range map[string]string{
		"plain":             want,
		"no last line end":  goodRow + "\n" + goodRow,
		"byte order mark":   "\uFEFF" + want,
		"carriage returns":  goodRow + "\r\n" + goodRow + "\r\n",
		"empty lines":       "\n" + goodRow + "\n  \n\r\n" + goodRow + "\n\n",
		"mark before empty": "\uFEFF\r\n" + want,
		"an array":          "[\n" + strings.ReplaceAll(goodRow, ",", ",\n  ") + ",\n" + goodRow + "]",
	} {
		checked, err := tasks.CheckTrainingFile(strings.NewReader(file), tasks.MethodSFT)
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		clean, err := io.ReadAll(tasks.CleanTrainingFile(io.NopCloser(iotest.OneByteReader(strings.NewReader(file)))))
		sum := sha256.Sum256(clean)
		if err != nil || string(clean) != want || checked.Rows != 2 || checked.Bytes != int64(len(clean)) ||
			checked.SHA256 != hex.EncodeToString(sum[:]) {
			t.Errorf("%s: %+v for %q, %v", name, checked, clean, err)
		}
	}
}

func TestTrainingRows(t *testing.T) {
	t.Parallel()
	for row, why := range map[string]string{
		goodRow: "",
		`{"messages":[{"role":"user","content":"a"},{"role":"assistant","tool_calls":[{"id":"1"}]}],"tools":[]}`: "",
		`{"messages":[{"role":"assistant","content":[{"type":"text","text":"a"}],"weight":1}]}`:                  "",
		`{"messages":[{"role":"developer","content":"b"},{"role":"assistant","content":"a"}]}`:                   "",
		"hello world":       "line 1: it is not JSON",
		"\x1f\x8b\x08\x00x": "line 1: it is not JSON",
		"[]":                "the file has no rows",
		"[[]]":              `line 1: it is no object with a list "messages"`,
		"\xff\xfe{\x00":     "UTF-16",
		`{"messages":"a"}`:  `line 1: it is no object with a list "messages"`,
		`{"prompt":"a"}`:    `line 1: it is no object with a list "messages"`,
		`{"messages":[{"role":"user","content":"a"}]}`:     "line 1: no assistant answers in it",
		`{"messages":[{"role":"assistant","content":""}]}`: "line 1: no assistant answers in it",
		`{"messages":[{"role":"robot","content":"a"}]}`:    `line 1: a message has the role "robot"`,
		pairRow:                    "line 1: it is a preference pair: train on it by the method dpo",
		"":                         "the file has no rows",
		strings.Repeat("x", 9<<20): "line 1 has more than",
	} {
		_, err := tasks.CheckTrainingFile(strings.NewReader(row), tasks.MethodSFT)
		var fault *tasks.InputError
		if why == "" && err != nil || why != "" && (!errors.As(err, &fault) || !strings.Contains(err.Error(), why) ||
			fault.Param != "training_file") {
			t.Errorf("%.60q: %v, want %q", row, err, why)
		}
	}
}

const pairRow = `{"input":{"messages":[{"role":"user","content":"When?"}]},"preferred_output":[{"role":"assistant",` +
	`"content":"At nine."}],"non_preferred_output":[{"role":"assistant","content":"Never."}]}`

// Each bad row of a file of preference pairs is named, with what is wrong with it.
func TestPreferencePairs(t *testing.T) {
	t.Parallel()
	turned := func(old, replaced string) string { return strings.Replace(pairRow, old, replaced, 1) }
	for row, why := range map[string]string{
		pairRow: "",
		turned(`"content":"Never."`, `"tool_calls":[{"id":"1"}]`):              "",
		turned(`"input":{`, `"input":{"tools":[],"parallel_tool_calls":true,`): "",
		"hello world":                            "it is not JSON",
		goodRow:                                  "it is a conversation: train on it by the method supervised",
		`{"prompt":"a"}`:                         `it is no object with a list "input.messages"`,
		turned(`"input"`, `"inputs"`):            `it is no object with a list "input.messages"`,
		turned(`"user"`, `"robot"`):              `a message has the role "robot"`,
		turned(`"user"`, `"assistant"`):          "input.messages ends with an assistant's message",
		turned(`"preferred_output"`, `"better"`): "preferred_output is not one message of an assistant",
		turned(`"non_preferred_output"`, `"x"`):  "non_preferred_output is not one message of an assistant",
		turned(`Never.`, ``):                     "non_preferred_output is not one message of an assistant",
		turned(`"At nine."}`, `"At nine."},{"role":"assistant","content":"Soon."}`): "preferred_output is not one message",
		turned(`Never.`, ` At nine.`): "both outputs say the same: neither is preferred",
	} {
		_, err := tasks.CheckTrainingFile(strings.NewReader(pairRow+"\n"+row+"\n"), tasks.MethodDPO)
		var fault *tasks.InputError
		if why == "" && err != nil || why != "" && (!errors.As(err, &fault) || !strings.Contains(err.Error(), "1 of 2 rows can not be "+
			"trained on: line 2: "+why)) {
			t.Errorf("%.90q: %v, want %q", row, err, why)
		}
	}
}

func TestTrainingFileNamesItsBadRows(t *testing.T) {
	t.Parallel()
	_, err := tasks.CheckTrainingFile(strings.NewReader(goodRow+"\n\n"+strings.Repeat("x\n", 7)), tasks.MethodSFT)
	for _, want := range []string{"7 of 8 rows", "line 3: ", "line 7: ", "and 2 more"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v, want %q in it", err, want)
		}
	}
	broken := iotest.ErrReader(errors.New("disk"))
	var fault *tasks.InputError
	if _, err := tasks.CheckTrainingFile(broken, tasks.MethodSFT); err == nil || errors.As(err, &fault) {
		t.Errorf("a file that can not be read: %v", err)
	}
	if _, err := io.ReadAll(tasks.CleanTrainingFile(io.NopCloser(broken))); err == nil {
		t.Error("a file that can not be read is sent as empty")
	}
}
