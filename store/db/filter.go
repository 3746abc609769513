package db

import (
	"strconv"
	"strings"
	"unicode"
)

// Filter narrows a list. Its zero value narrows nothing, and each list takes what its rows have.
type Filter struct {
	Alias    string
	Status   string // as the API shows it
	Provider string
	Model    string // the vendor's name of it. It goes with Provider.
	Key      string // the id of an API key
	Dream    string // drm_…
	Review   string // of an example: open, kept, rejected, edited
	Purpose  string // of a file
	Text     string // the beginning of an id, or a part of a name
}

// FullModel is the model's name with its provider, as GET /v1/models shows it, or "".
func (f Filter) FullModel() string {
	if f.Provider == "" || f.Model == "" {
		return ""
	}
	return f.Provider + "/" + f.Model
}

// Where adds a condition whose question marks name the values in turn, unless one of these is
// empty.
func (n *Selection) Where(condition string, values ...any) {
	for _, value := range values {
		if value == "" || value == int64(0) {
			return
		}
	}
	for _, value := range values {
		n.Args = append(n.Args, value)
		condition = strings.Replace(condition, "?", "$"+strconv.Itoa(len(n.Args)), 1)
	}
	n.Query += " AND " + condition
}

// Begins adds a condition on how an id begins, which its index carries.
func (n *Selection) Begins(column, text string) {
	n.Where(`(`+column+` >= ? AND `+column+` < ?)`, text, idEnd(text))
}

// idEnd is behind all ids that begin with a text: they have no character behind the tilde.
func idEnd(text string) string {
	if text == "" {
		return ""
	}
	return text + "~"
}

// Mentions adds a condition for rows whose id begins with the text, or one of whose columns holds
// it, upper and lower case alike. It reads the rows of a tenant: it is for lists that do not grow
// with the traffic.
func (n *Selection) Mentions(text, id string, columns ...string) {
	if text == "" {
		return
	}
	part := "%" + likely.Replace(strings.ToLower(text)) + "%"
	condition, values := `(`+id+` >= ? AND `+id+` < ?`, []any{text, idEnd(text)}
	for _, column := range columns {
		condition += ` OR lower(` + column + `) LIKE ? ESCAPE '!'`
		values = append(values, part)
	}
	n.Where(condition+`)`, values...)
}

// likely takes their meaning from the characters that LIKE reads.
var likely = strings.NewReplacer("!", "!!", "%", "!%", "_", "!_")

// Bounds of what is found by the words of a text.
const (
	maxWords = 32
	maxWord  = 64 // bytes
)

// WordsOf returns the different words of a text by which its row is found: small letters and
// digits, the first 32, each cut at 64 bytes.
func WordsOf(text string) []string {
	var words []string
	seen := map[string]bool{}
	apart := func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r) }
	for _, word := range strings.FieldsFunc(strings.ToLower(text), apart) {
		if len(word) > maxWord {
			word = strings.ToValidUTF8(word[:maxWord], "")
		}
		if len(words) < maxWords && !seen[word] {
			words, seen[word] = append(words, word), true
		}
	}
	return words
}
