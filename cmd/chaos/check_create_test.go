package main

func spoiltCreations() map[string]spoiling {
	return map[string]spoiling{
		"trained twice":     {"I3 once", func(h *history, _ *loadNotes) { h.trained = append(h.trained, made{ID: "ft-2", Suffix: "dl-1"}) }},
		"nobody's training": {"I3 once", func(h *history, _ *loadNotes) { h.trainings[0].VendorID = "" }},
		"never trained":     {"I3 once", func(h *history, _ *loadNotes) { h.trained = nil }},
		"left running":      {"I3 once", func(h *history, _ *loadNotes) { h.trainings[0].Status = "running" }},
		"billed twice":      {"I3 once", func(h *history, _ *loadNotes) { h.paid[1].Calls = 2 }},
		"billed twice elsewhere": {"I3 once", func(h *history, _ *loadNotes) {
			h.trainings = append(h.trainings, trainingRow{ID: "ftjob-2", Job: "job_t", Status: "succeeded", VendorID: "ft-2", Provider: "azure"})
			h.paid = append(h.paid, payment{Vendor: "azure", Model: "fine-tune:m", Calls: 2})
		}},
		"deployed twice":      {"I3 once", func(h *history, _ *loadNotes) { h.served[0].Times = 2 }},
		"nobody's deployment": {"I3 once", func(h *history, _ *loadNotes) { h.served[0].Name = "s/dl-9" }},
		"deployed at two": {"I3 once", func(h *history, _ *loadNotes) {
			h.served = append(h.served, served{Vendor: "w", Name: "dl-1", Times: 1})
		}},
		"served twice":      {"I3 once", func(h *history, _ *loadNotes) { h.endpoints = append(h.endpoints, h.endpoints[0]) }},
		"nobody's endpoint": {"I3 once", func(h *history, _ *loadNotes) { h.endpoints[0].Name = "s/dl-9" }},
		"two deployments": {"I3 once", func(h *history, _ *loadNotes) {
			h.endpoints[0].Deployments = append(h.endpoints[0].Deployments, struct {
				ID string `json:"id"`
			}{"a"}, struct {
				ID string `json:"id"`
			}{"b"})
		}},
	}
}
