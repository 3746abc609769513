package job

import (
	"context"

	"dreamlab/store/db"
)

// The sorts of words by which a row is found.
const (
	wordAlias = "alias/"
	wordKey   = "key/"
	wordText  = "text/" // of the metadata
)

type wordRow struct {
	Tenant string `json:"x_tenant"`
	Word   string `json:"x_word"`
	ID     string `json:"x_id"`
}

// newWord adds a word of a job, unless the job itself was refused.
var newWord = db.Bulk{Query: `INSERT INTO words (tenant, word, id)
	SELECT x_tenant, x_word, x_id FROM {rows $1: x_tenant text, x_word text, x_id text} JOIN jobs j ON j.id = x_id WHERE TRUE
	ON CONFLICT (tenant, word, id) DO NOTHING`}

// TextWords are the words of a row's metadata, as the table of words has them.
func TextWords(metadata []byte) []string {
	words := db.WordsOf(string(metadata))
	for i, word := range words {
		words[i] = wordText + word
	}
	return words
}

// addWords makes a job found by its alias, its key and the words of its metadata. Children are
// listed with their parent alone.
func (q *Queries) addWords(ctx context.Context, row jobInsert) error {
	if row.Parent != nil {
		return nil
	}
	var words []string
	if row.asked != "" {
		words = append(words, wordAlias+row.asked)
	}
	if row.KeyID != nil {
		words = append(words, wordKey+*row.KeyID)
	}
	for _, word := range append(words, TextWords([]byte(db.Deref(row.Metadata)))...) {
		if err := q.Add(ctx, newWord, "", wordRow{row.Tenant, word, row.ID}); err != nil {
			return err
		}
	}
	return nil
}

// hasWord is a condition for the rows of the tenant $1 that are found by a word.
func hasWord(id string) string {
	return id + ` IN (SELECT w.id FROM words w WHERE w.tenant = $1 AND w.word = ?)`
}

// HasText adds a condition for the rows that have each of a text's words in their metadata. A
// text without a word finds nothing.
func HasText(n *db.Selection, id, text string) {
	words := TextWords([]byte(text))
	for _, word := range words {
		n.By(hasWord(id), word)
	}
	if text != "" && len(words) == 0 {
		n.Query += ` AND FALSE`
	}
}

// narrowByWords narrows a list of jobs by what stands in the table of words, and by the ids that
// a text may be.
func (f Filter) narrowByWords(n *db.Selection) {
	for sort, name := range map[string]string{wordAlias: f.Alias, wordKey: f.Key} {
		if name != "" {
			n.By(hasWord("id"), sort+name)
		}
	}
	switch db.NounOf(f.Text) {
	case "job_":
		n.Begins("id", f.Text)
	case "drm_", "tun_", "ftjob-", "batch_":
		n.By(`subject = ?`, f.Text)
	default:
		HasText(n, "id", f.Text)
	}
}

// narrowByModel narrows a list of jobs by the models that their tries, or those of the jobs below
// them, went to.
func (f Filter) narrowByModel(n *db.Selection) {
	const tried = `id IN (SELECT e.root FROM entries e WHERE e.tenant = $1 AND e.provider = ?`
	if f.Model == "" {
		n.Where(tried+`)`, f.Provider)
		return
	}
	n.Where(tried+` AND e.model = ?)`, f.Provider, f.Model)
}
