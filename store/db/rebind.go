package db

import "strings"

// Rebind puts the portable parts of a query into a dialect's words:
//
//	{now}             the shared time, unix microseconds
//	{skip}            FOR UPDATE SKIP LOCKED where the database has it
//	{lock}            FOR UPDATE where the database has it
//	{lock jobs}       the same, of one table's rows
//	{rows $1: a text, b bigint}  a row source over a JSON array of objects given as text
//	{list $1}         a one-column subquery over a JSON array of strings given as text
//	{}                itself, the empty JSON object
func Rebind(dialect Dialect, query string) string {
	if !strings.Contains(query, "{") {
		return query
	}
	var out strings.Builder
	for {
		open := strings.IndexByte(query, '{')
		if open < 0 {
			out.WriteString(query)
			return out.String()
		}
		end := open + strings.IndexByte(query[open:], '}')
		out.WriteString(query[:open])
		out.WriteString(expand(dialect, query[open+1:end]))
		query = query[end+1:]
	}
}

// few is no limit, but has PostgreSQL count on few rows, so that it looks each of
// them up in the table by its index. A plan is made once and kept, maybe while
// the table was empty: to go through all of it may have been cheaper then.
const few = "LIMIT (SELECT NULL::bigint)"

func expand(dialect Dialect, word string) string {
	verb, rest, _ := strings.Cut(word, " ")
	switch {
	case word == "":
		return "{}"
	case verb == "rows":
		source, columns, _ := strings.Cut(rest, ":")
		return rowSource(dialect, strings.TrimSpace(source), strings.Split(columns, ","))
	case verb == "list" && dialect == Postgres:
		return "SELECT value FROM json_array_elements_text((" + rest + "::text)::json) AS l(value) " + few
	case verb == "list":
		return "SELECT value FROM json_each(" + rest + ")"
	case verb == "now" && dialect == Postgres:
		return "dreamlab_now()"
	case verb == "now":
		return "(SELECT us FROM clock)"
	case verb == "skip" && dialect == Postgres:
		return "FOR UPDATE SKIP LOCKED"
	case word == "lock" && dialect == Postgres:
		return "FOR UPDATE"
	case verb == "lock" && dialect == Postgres:
		return "FOR UPDATE OF " + rest
	case verb == "skip", verb == "lock":
		return "" // SQLite has one writer
	}
	panic("unknown word {" + word + "} in a query")
}

func rowSource(dialect Dialect, source string, columns []string) string {
	if dialect == Postgres {
		return "(SELECT * FROM json_to_recordset((" + source + "::text)::json) AS x(" +
			strings.Join(columns, ",") + ") " + few + ") AS x"
	}
	picks := make([]string, len(columns))
	for i, column := range columns {
		name, _, _ := strings.Cut(strings.TrimSpace(column), " ")
		picks[i] = "json_extract(value, '$." + name + "') AS " + name
	}
	return "(SELECT " + strings.Join(picks, ", ") + " FROM json_each(" + source + ")) AS x"
}
