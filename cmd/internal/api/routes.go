package api

import (
	"net/http"
	"slices"
	"strings"
)

// route is a line of the table.
type route struct {
	method string
	path   string
	who    access
	serve  func(w http.ResponseWriter, c *call) error
	upload bool // its body may be large, and is streamed
}

// routes is the whole table.
func (s *Server) routes() []route {
	return []route{
		{method: "POST", path: "/v1/chat/completions", who: use, serve: s.createChat},
		{method: "GET", path: "/v1/models", who: use, serve: s.listModels},
		{method: "GET", path: "/v1/models/{id...}", who: use, serve: s.getModel},
		{method: "POST", path: "/v1/files", who: use, serve: s.createFile, upload: true},
		{method: "GET", path: "/v1/files", who: use, serve: s.listFiles},
		{method: "GET", path: "/v1/files/{id}", who: use, serve: s.getFile},
		{method: "GET", path: "/v1/files/{id}/content", who: use, serve: s.getFileContent},
		{method: "DELETE", path: "/v1/files/{id}", who: use, serve: s.deleteFile},
		{method: "POST", path: "/v1/fine_tuning/jobs", who: use, serve: s.createTraining},
		{method: "GET", path: "/v1/fine_tuning/jobs", who: use, serve: s.listTrainings},
		{method: "GET", path: "/v1/fine_tuning/jobs/{id}", who: use, serve: s.getTraining},
		{method: "GET", path: "/v1/fine_tuning/jobs/{id}/events", who: use, serve: s.listTrainingEvents},
		{method: "GET", path: "/v1/fine_tuning/jobs/{id}/checkpoints", who: use, serve: s.listCheckpoints},
		{method: "POST", path: "/v1/fine_tuning/jobs/{id}/cancel", who: use, serve: s.cancelTraining},

		{method: "POST", path: "/v1/jobs", who: use, serve: s.createJob},
		{method: "GET", path: "/v1/jobs", who: use, serve: s.listJobs},
		{method: "GET", path: "/v1/jobs/{id}", who: use, serve: s.getJob},
		{method: "GET", path: "/v1/jobs/{id}/stream", who: use, serve: s.streamJob},
		{method: "POST", path: "/v1/jobs/{id}/cancel", who: use, serve: s.cancelJob},
		{method: "POST", path: "/v1/jobs/{id}/retry", who: use, serve: s.retryJob},
		{method: "POST", path: "/v1/experiences", who: use, serve: s.createExperiences, upload: true},
		{method: "GET", path: "/v1/experiences", who: use, serve: s.listExperiences},
		{method: "GET", path: "/v1/experiences/{id}", who: use, serve: s.getExperience},
		{method: "POST", path: "/v1/experiences/{id}/feedback", who: use, serve: s.createFeedback},
		{method: "DELETE", path: "/v1/conversations/{id...}", who: use, serve: s.deleteConversation},
		{method: "POST", path: "/v1/dreams", who: use, serve: s.createDream},
		{method: "GET", path: "/v1/dreams", who: use, serve: s.listDreams},
		{method: "GET", path: "/v1/dreams/{id}", who: use, serve: s.getDream},
		{method: "POST", path: "/v1/dreams/{id}/cancel", who: use, serve: s.cancelDream},
		{method: "POST", path: "/v1/dreams/{id}/undo", who: use, serve: s.undoDream},
		{method: "GET", path: "/v1/reflections", who: use, serve: s.listReflections},
		{method: "GET", path: "/v1/reflections/{id}", who: use, serve: s.getReflection},
		{method: "GET", path: "/v1/memory", who: use, serve: s.getMemory},
		{method: "GET", path: "/v1/examples", who: use, serve: s.listExamples},
		{method: "GET", path: "/v1/examples/{id}", who: use, serve: s.getExample},
		{method: "GET", path: "/v1/datasets", who: use, serve: s.listDatasets},
		{method: "GET", path: "/v1/datasets/{id}", who: use, serve: s.getDataset},
		{method: "GET", path: "/v1/datasets/{id}/content", who: use, serve: s.getDatasetContent},
		{method: "POST", path: "/v1/tunes", who: use, serve: s.createTune},
		{method: "GET", path: "/v1/tunes", who: use, serve: s.listTunes},
		{method: "GET", path: "/v1/tunes/{id}", who: use, serve: s.getTune},
		{method: "POST", path: "/v1/tunes/{id}/cancel", who: use, serve: s.cancelTune},
		{method: "GET", path: "/v1/evaluations", who: use, serve: s.listEvaluations},
		{method: "GET", path: "/v1/evaluations/{id}", who: use, serve: s.getEvaluation},
		{method: "GET", path: "/v1/routes", who: use, serve: s.listRoutes},
		{method: "GET", path: "/v1/routes/{alias}", who: use, serve: s.getRoute},
		{method: "PUT", path: "/v1/routes/{alias}", who: admin, serve: s.putRoute},
		{method: "POST", path: "/v1/routes/{alias}/rollback", who: admin, serve: s.rollBackRoute},
		{method: "GET", path: "/v1/usage", who: use, serve: s.getUsage},
		{method: "GET", path: "/v1/lineage/{id...}", who: use, serve: s.getLineage},

		{method: "GET", path: "/api/dream_lab/status", who: use, serve: s.legacyStatus},
		{method: "POST", path: "/api/dream_lab/trigger_dream", who: use, serve: s.createDream},
		{method: "GET", path: "/api/dream_lab/memories", who: use, serve: s.legacyMemories},
		{method: "GET", path: "/api/dream_lab/training/stats", who: use, serve: s.legacyStats},

		{method: "GET", path: "/healthz", who: open, serve: s.getHealth},
		{method: "GET", path: "/readyz", who: open, serve: s.getReady},
		{method: "GET", path: "/metrics", who: loopback, serve: s.getMetrics},
		{method: "GET", path: "/openapi.yaml", who: open, serve: s.getOpenAPI},
		{method: "GET", path: "/queues/", who: browser, serve: s.getQueues},
	}
}

// mux serves the table, and tells in the API's own shape of a path or a method
// that is not in it.
func (s *Server) mux() *http.ServeMux {
	mux := http.NewServeMux()
	methods := map[string][]string{}
	for _, rt := range s.routes() {
		mux.Handle(rt.method+" "+rt.path, s.endpoint(rt))
		methods[rt.path] = append(methods[rt.path], rt.method)
	}
	for path, allowed := range methods {
		mux.Handle(path, s.endpoint(route{method: "*", path: path, serve: notAllowed(allowed)}))
	}
	mux.Handle("/", s.endpoint(route{method: "*", path: "/", serve: notFound}))
	return mux
}

func notAllowed(methods []string) func(http.ResponseWriter, *call) error {
	slices.Sort(methods)
	allow := strings.Join(methods, ", ")
	return func(w http.ResponseWriter, c *call) error {
		w.Header().Set("Allow", allow)
		return &fault{
			Status: http.StatusMethodNotAllowed, Code: "invalid_request",
			Message: "This path does not take " + c.Method + ": use " + allow + ".",
		}
	}
}

func notFound(http.ResponseWriter, *call) error {
	return &fault{
		Status: http.StatusNotFound, Code: "not_found",
		Message: "There is no such path: /openapi.yaml lists those that are served.",
	}
}
