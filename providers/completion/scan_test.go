package completion

import (
	"encoding/json"
	"testing"

	"pgregory.net/rapid"
)

// value draws any JSON value.
func value(depth int) *rapid.Generator[any] {
	scalars := []*rapid.Generator[any]{
		rapid.Just[any](nil), rapid.Bool().AsAny(), rapid.Float64Range(-1e9, 1e9).AsAny(), rapid.String().AsAny(),
	}
	if depth == 0 {
		return rapid.OneOf(scalars...)
	}
	return rapid.OneOf(append(scalars,
		rapid.SliceOfN(value(depth-1), 0, 4).AsAny(),
		rapid.MapOfN(rapid.String(), value(depth-1), 0, 4).AsAny())...)
}

func TestScanAgreesWithDecoder(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		object := rapid.MapOfN(rapid.String(), value(3), 0, 6).Draw(t, "object")
		indent := rapid.SampledFrom([]string{"", " ", "\t"}).Draw(t, "indent")
		text, err := json.MarshalIndent(object, "", indent)
		if err != nil {
			t.Fatal(err)
		}
		var want map[string]json.RawMessage
		if err := json.Unmarshal(text, &want); err != nil {
			t.Fatal(err)
		}
		seen := 0
		for key, raw := range Members(text) {
			seen++
			name := string(key)
			if string(want[name]) != string(raw) {
				t.Fatalf("%q is %s, want %s", name, raw, want[name])
			}
			elements := 0
			for item := range Items(raw) {
				elements++
				if !json.Valid(item) {
					t.Fatalf("item %s of %s", item, raw)
				}
			}
			if list, ok := object[name].([]any); ok && len(list) != elements {
				t.Fatalf("%d items of %s, want %d", elements, raw, len(list))
			}
		}
		if seen != len(want) {
			t.Fatalf("saw %d members of %s, want %d", seen, text, len(want))
		}
	})
}

func FuzzScan(f *testing.F) {
	for _, seed := range []string{``, `{`, `{"a"`, `{"a":`, `{"a":1`, `{"a":[1,{"b":"\"}"}]}`, `[`, `[1,`,
		`"\`, `{"a":]}`, `{"a" 1}`, `[,,]`} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, v := range Members(data) {
			for range Items(v) {
			}
			AppendText(nil, v)
		}
		if IsObject(data) && !json.Valid(With(data, "dreamlab", []byte("1"))) {
			t.Errorf("%s became %s", data, With(data, "dreamlab", []byte("1")))
		}
	})
}
