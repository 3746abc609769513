package form

import "strings"

// bare returns an id of an answer without the prefix of its form, so that another
// form's can stand before it.
func bare(id string) string {
	for _, prefix := range []string{"chatcmpl-", "chatcmpl_", "job_", "cmpl-"} {
		if rest, had := strings.CutPrefix(id, prefix); had {
			return rest
		}
	}
	return id
}
