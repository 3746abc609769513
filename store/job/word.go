package job

import (
	"context"
	"math"
	"strconv"
	"strings"

	"dreamlab/store/db"
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

// addWords makes a job found by the words of its metadata. Children are listed with their parent
// alone.
func (q *Queries) addWords(ctx context.Context, row jobInsert) error {
	if row.Parent != nil {
		return nil
	}
	for _, word := range db.WordsOf(db.Deref(row.Metadata)) {
		if err := q.Add(ctx, newWord, "", wordRow{row.Tenant, word, row.ID}); err != nil {
			return err
		}
	}
	return nil
}

// HasText adds a condition for the rows of the tenant $1 that have each of a text's words in
// their metadata. A text without a word finds nothing. Rows are found by the rarest word and looked up
// by the others: a database that reads all rows of a common word takes a third of a second over a million.
func HasText(ctx context.Context, q *db.Tx, n *db.Selection, id, text string) error {
	words := db.WordsOf(text)
	if text != "" && len(words) == 0 {
		n.Query += ` AND FALSE`
	}
	rarest, err := rarestWord(ctx, q, n.Args[0], words)
	for i, word := range words {
		if i == rarest {
			n.By(id+` IN (SELECT w.id FROM words w WHERE w.tenant = $1 AND w.word = ?)`, word)
		} else { // one value for each row is not made a join
			n.By(`(SELECT TRUE FROM words w WHERE w.tenant = $1 AND w.word = ? AND w.id = `+id+`)`, word)
		}
	}
	return err
}

// commonWord is from how many rows on it does not matter which of two words is the rarer.
const commonWord = 2000

// rarestWord returns the place of the word that the fewest rows of a tenant have.
func rarestWord(ctx context.Context, q *db.Tx, tenant any, words []string) (place int, err error) {
	if len(words) < 2 {
		return 0, nil
	}
	fewest := int64(commonWord)
	for i, word := range words {
		var rows int64
		err := q.One(ctx, `SELECT COUNT(*) FROM (SELECT 1 FROM words WHERE tenant = $1 AND word = $2 LIMIT $3) AS found`,
			[]any{tenant, word, fewest}, &rows)
		if err != nil {
			return 0, err
		}
		if rows < fewest {
			place, fewest = i, rows
		}
		if rows == 0 {
			break
		}
	}
	return place, nil
}

// narrowByText narrows a list of jobs by the ids that a text may be, or by its words.
func (f Filter) narrowByText(ctx context.Context, q *db.Tx, n *db.Selection) error {
	switch db.NounOf(f.Text) {
	case "job_":
		n.Begins("id", f.Text)
	case "drm_", "tun_", "ftjob-", "batch_":
		n.By(`subject = ?`, f.Text)
	default:
		return HasText(ctx, q, n, "jobs.id", f.Text)
	}
	return nil
}

// column returns the column whose index a list is read by, and its value; "" where another condition
// has a better index, or none has.
func (f Filter) column() (name, value string) {
	switch {
	case f.indexed():
		return "", ""
	case f.Key != "":
		return "key_id", f.Key
	case f.Alias != "":
		return "alias", f.Alias
	}
	return "", ""
}

// indexed tells whether a condition has an index of its own, over open and ended jobs alike.
func (f Filter) indexed() bool {
	return f.Status != "" && f.Status != string(StateSucceeded) || f.Parent+f.Subject+f.Conversation+f.Text+f.Provider != ""
}

// byKind tells whether a list is read by the index of kinds, which has no chats.
func (f Filter) byKind() bool {
	return f.Noun != "" && f.Noun != "chat" && !f.indexed() && !f.Children
}

// jobsBy reads a page of a list by a column with an index of the ended jobs. Written as one
// condition, or with a simple order, the whole primary key is read in its order: a second and a
// half over a million jobs.
func (q *ReadQueries) jobsBy(ctx context.Context, n db.Selection, column, value string, page db.Page) ([]Job, bool, error) {
	n.Args = append(n.Args, value)
	v := "$" + strconv.Itoa(len(n.Args))
	ended, open := n, n
	ended.Query += ` AND ` + column + ` >= ` + v + ` AND ` + column + ` <= ` + v
	open.Query += ` AND ` + column + ` = ` + v
	return q.jobsOf(ctx, ended, open, page, column)
}

// jobsOf reads a page of the ended jobs, in the order of an index that begins with the columns in
// front of the id, and of the open ones. An index of all jobs would be written at each of a job's
// moves (five times for a chat), so the open ones, which are few, are read by the indexes of their
// phases.
func (q *ReadQueries) jobsOf(ctx context.Context, ended, open db.Selection, page db.Page, before ...string) ([]Job, bool, error) {
	inOrder, more := page.ClauseBy(len(ended.Args), "id", before...)
	byID, _ := page.Clause(len(ended.Args), "id")
	conditions, order, _ := strings.Cut(byID, " ORDER BY ")
	ended.Query += ` AND finished IS NOT NULL` + inOrder
	// The limit, which no list reaches, keeps the order out of the way of the indexes.
	open.Query += ` AND ` + openState + conditions + ` LIMIT ` + noLimit
	both := `SELECT * FROM (` + ended.Query + `) AS ended UNION ALL SELECT * FROM (` + open.Query + `) AS open ORDER BY ` + order
	found, err := q.jobs(ctx, both, append(ended.Args, more...)...)
	if err != nil {
		return nil, false, err
	}
	found, hasMore := db.Cut(found, page)
	return found, hasMore, nil
}

// noLimit is the largest number of both databases.
var noLimit = strconv.FormatInt(math.MaxInt64, 10)

// openState is a condition for jobs that have not ended, written as in the three partial indexes
// of such jobs.
const openState = `(phase = 'ready' OR phase = 'later' OR ` + inFlight + `)`

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
