package emulator

import (
	"net/http"
	"strings"

	"dreamlab/providers/sandbox/lab"
)

// fail writes an error as vLLM does, whose code is the status.
func fail(w http.ResponseWriter, f lab.Failure) {
	switch {
	case f.Status == http.StatusUnauthorized: // of the middleware, whose form is another
		lab.WriteFailure(w, f, map[string]string{"error": "Unauthorized"})
		return
	case f.Message == "":
		f.Message = http.StatusText(f.Status)
	}
	lab.WriteFailure(w, f, map[string]any{"error": object(f)})
}

func object(f lab.Failure) map[string]any {
	kind := f.Type
	if kind == "" {
		kind = strings.ReplaceAll(http.StatusText(f.Status), " ", "") + "Error"
	}
	return map[string]any{"message": f.Message, "type": kind, "param": lab.OrNil(f.Param), "code": f.Status}
}

// broken is the event of a stream that failed.
func broken(*lab.Answer) map[string]any {
	return map[string]any{"error": object(lab.Failure{
		Status: http.StatusInternalServerError, Type: "InternalServerError", Message: "EngineCore encountered an issue.",
	})}
}
