package web

// routes is the table of the pages, and the scope that each needs.
func (p *Pages) routes() {
	p.traffic()
	p.learning()
	p.serving()
}

func (p *Pages) traffic() {
	p.mux.Handle("GET /app/assets/{hash}/{name}", p.assets)
	p.open("GET signin", signInPage)
	p.open("POST signin", signInWith)
	p.open("GET enter", enterWithTicket)
	p.open("POST theme", setTheme)
	p.page("POST signout", "view", signOut)

	p.page("GET {$}", "view", homePage)
	p.page("GET search", "view", searchPage)
	p.page("GET requests", "view", requestsPage)
	p.page("GET requests/tail", "view", tailRequests)
	p.page("GET requests/{id}", "view", requestPage)
	p.page("POST requests/{id}/cancel", "use", cancelRequest)
	p.page("POST requests/{id}/retry", "use", retryRequest)
	p.page("POST requests/{id}/again", "use", askAgain)
	p.page("GET chat", "use", chatPage)
	p.page("POST chat", "use", sendChat)
	p.page("POST chat/stream", "use", streamChat)
	p.page("GET conversations", "view", conversationsPage)
	p.page("GET conversations/{id}", "view", conversationPage)
	p.page("GET conversations/{id}/forget", "use", previewForget)
	p.page("POST conversations/{id}/forget", "use", forgetConversation)
	p.page("GET experiences/{id}", "view", experiencePage)
	p.page("POST experiences/{id}/feedback", "use", giveFeedback)
	p.page("GET queues", "view", queuesPage)
	p.page("GET queues/bulk", "use", askBulk)
	p.page("POST queues/bulk", "use", doBulk)
}

func (p *Pages) learning() {
	p.page("GET dreams", "view", dreamsPage)
	p.page("POST dreams", "use", startDream)
	p.page("GET dreams/{id}", "view", dreamPage)
	p.page("POST dreams/{id}/cancel", "use", cancelDream)
	p.page("GET dreams/{id}/undo", "use", previewUndo)
	p.page("POST dreams/{id}/undo", "use", undoDream)
	p.page("GET lessons/{id}", "view", lessonPage)
	p.page("GET review", "view", examplesPage)
	p.page("GET review/next", "review", nextExample)
	p.page("GET review/{id}", "view", examplePage)
	p.page("POST review/{id}/review", "review", reviewExample)
	p.page("POST review/{id}/undo", "review", undoReview)
	p.page("GET memory", "view", memoryPage)
	p.page("GET memory/{id}", "view", memoryVersionPage)
	p.page("POST memory/{id}/restore", "use", restoreMemory)
	p.page("GET datasets", "view", datasetsPage)
	p.page("GET datasets/{id}", "view", datasetPage)
	p.page("GET tunes", "view", tunesPage)
	p.page("POST tunes", "use", startTune)
	p.page("GET tunes/{id}", "view", tunePage)
	p.page("POST tunes/{id}/cancel", "use", cancelTune)
	p.page("GET evaluations", "view", evaluationsPage)
	p.page("GET evaluations/{id}", "view", evaluationPage)
}

func (p *Pages) serving() {
	p.page("GET routes", "view", routesPage)
	p.page("GET routes/{alias}", "view", routePage)
	p.page("GET routes/{alias}/rollback", "admin", previewRollback)
	p.page("POST routes/{alias}/rollback", "admin", rollBack)
	p.page("POST routes/{alias}/canary", "admin", moveCanary)
	p.page("GET models", "view", modelsPage)
	p.page("GET lineage", "view", lineagePage)
	p.page("GET lineage/{id...}", "view", lineagePage)
	p.page("GET cost", "view", costPage)
	p.page("GET cost/table", "view", costTable)
	p.page("GET keys", "admin", keysPage)
	p.page("POST keys", "admin", createKey)
	p.page("GET keys/{id}", "admin", keysPage)
	p.page("POST keys/{id}/rotate", "admin", rotateKey)
	p.page("POST keys/{id}/revoke", "admin", revokeKey)
	p.page("GET status", "view", statusPage)
	p.page("GET status/doctor", "admin", examinePage)
	p.page("GET docs", "view", firstDocument)
	p.page("GET docs/all", "view", allDocuments)
	p.page("GET docs/{name}", "view", documentPage)
	p.page("GET ", "view", noPage)
}

func noPage(*visit) error {
	return &refusal{Status: 404, Message: "There is no such page: the menu lists those that there are."}
}
