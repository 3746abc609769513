package main

// ofJobs break the ownership of a job, or its end.
func ofJobs() []mutation {
	return []mutation{
		{
			name: "the end of a job is not fenced by its epoch",
			file: "store/job/finish.go",
			old:  "`id = x_id AND epoch = x_epoch AND (x_worker = '' OR lease_owner = x_worker)`",
			new:  "`id = x_id`",
			test: tests("store/storetest", "TestFinishTogether"),
		}, {
			name: "a claim ignores the generation",
			file: "store/job/claim.go",
			old:  "`id = x_id AND gen = x_gen AND cancel_at IS NULL",
			new:  "`id = x_id AND cancel_at IS NULL",
			test: tests("store/job", "TestMovesAtRandom"),
		}, {
			name: "a lease is renewed for a worker that does not hold it",
			file: "store/job/claim.go",
			old:  "WHERE id = x_id AND epoch = x_epoch AND ",
			new:  "WHERE id = x_id AND ",
			test: tests("store/job", "TestRenewedByItsHolder"),
		}, {
			name: "a worker is not told that its job is to end",
			file: "store/job/claim.go",
			old:  "`SELECT id, epoch, cancel_at IS NOT NULL\n",
			new:  "`SELECT id, epoch, FALSE\n",
			test: tests("tasks/engine", "TestCancel"),
		}, {
			name: "the accept of a job is not synced",
			file: "tasks/engine/accept.go",
			old:  "\treturn db.Synced\n",
			new:  "\treturn db.Relaxed\n",
			test: tests("tasks/engine", "TestDurability"),
		}, {
			name: "1 of 8 accepted rows is dropped",
			file: "store/job/accept.go",
			old:  "\tfor _, r := range rows {\n\t\tif err := Cite(",
			new: "\tfor _, r := range rows {\n\t\tif n := len(r.ID); r.ID[n-1] == '0' {\n" +
				"\t\t\tif err := q.Later(ctx, `DELETE FROM jobs WHERE id = $1`, r.ID); err != nil {\n" +
				"\t\t\t\treturn nil, err\n\t\t\t}\n\t\t}\n\t\tif err := Cite(",
			test: tests("store/job", "TestCrowdThatLeft|TestTurnsInACrowd"),
		}, {
			name: "an idempotency key is ignored",
			file: "store/job/accept.go",
			old:  "IdemKey: db.Optional(j.IdemKey), ",
			new:  "",
			test: tests("store/storetest", "TestAcceptRace"),
		}, {
			name: "a tenant's cap is ignored by new jobs",
			file: "store/job/accept.go",
			old:  "x.nth <= p.of_tenant",
			new:  "x.nth >= 1",
			test: tests("store/job", "TestRoomForNewJobs"),
		}, {
			name: "lost wake-ups are not found",
			file: "tasks/engine/reconcile.go",
			old:  "(all || d.Age >= lostAfter)",
			new:  "all",
			test: tests("tasks/engine", "TestLostWake"),
		}, {
			name: "a schedule fires while its last job is open",
			file: "tasks/engine/schedule.go",
			old:  "if err != nil || open {",
			new:  "if err != nil || open && s.Misfire == \"skip\" {",
			test: tests("tasks/engine", "TestMisfireAndOverlap"),
		},
	}
}

// ofMoney break payments and entries.
func ofMoney() []mutation {
	return []mutation{
		{
			name: "the entries of a lost lease stay open",
			file: "store/job/reap.go",
			old:  `q.loseEntries(ctx, s, "lease expired")`,
			new:  "ctx.Err()",
			test: tests("store/job", "TestReapLosesEntries"),
		}, {
			name: "a stored answer is not looked for",
			file: "handlers/call.go",
			old:  "return run.Store.Effect(ctx, run.Job.ID, step.Name)",
			new:  "return book.Effect{}, db.ErrNotFound",
			test: tests("handlers", "TestAnswerIsPaidOnceAndReused"),
		}, {
			name: "the settled amount is doubled",
			file: "handlers/call.go",
			old:  "Settled: a.Nano,",
			new:  "Settled: 2 * a.Nano,",
			test: tests("handlers", "TestAnswerIsPaidOnceAndReused"),
		}, {
			name: "a budget's refusal is ignored",
			file: "handlers/reserve.go",
			old:  "left[f] < r.entry.Reserved {",
			new:  "left[f] < -r.entry.Reserved {",
			test: tests("handlers", "TestBudgets|TestOneOverBudgetFailsAlone"),
		}, {
			name: "a vendor's count is believed whatever it says",
			file: "providers/try.go",
			old:  "if usage.Missing || believable(&run.call.Request, received, c.context, usage) {",
			new:  "if usage.Missing || received >= 0 {",
			test: tests("providers", "TestCountsAreHeldToTheCall"),
		}, {
			name: "an answer of a dearer tier is booked at the usual price",
			file: "providers/price.go",
			old:  "\tcase \"priority\":\n",
			new:  "\tcase \"\":\n",
			test: tests("providers", "TestTheTierThatAnswersIsPaid"),
		}, {
			name: "what is lost of an order counts for an hour alone",
			file: "store/book/entry_age.go",
			old:  "AND j.kind = 'batch.run')",
			new:  "AND j.kind = 'none')",
			test: tests("store/job", "TestLostLinesOfABatchDoNotAge"),
		}, {
			name: "a doubtful creation is made again",
			file: "handlers/tune/start.go",
			old:  "\tif doubtful(err) {\n\t\treturn",
			new:  "\tif doubtful(err) {\n\t\tl.spec.Intent = time.Time{}\n\t\treturn",
			test: tests("handlers/tune", "TestLostCreationIsAdopted"),
		},
	}
}

// ofAnswers break the answers to clients.
func ofAnswers() []mutation {
	return []mutation{
		{
			name: "a zombie's chunk is not refused",
			file: "store/redis/reply.go",
			old:  "if err == nil && len(mine) == 0 {",
			new:  "if err == nil && len(mine) > 1 {",
			test: tests("store/redis", "TestZombieIsRefused"),
		}, {
			name: "a broken stream ends without an error event",
			file: "cmd/internal/api/chat/turn.go",
			old:  "\t\tf := interruption(err)\n\t\treturn errors.Join(err, out.Fail(f))",
			new:  "\t\treturn err",
			test: tests("cmd/internal/api", "TestChatCancelledInTheMiddle"),
		}, {
			name: "a resumed stream shows an event again",
			file: "cmd/internal/api/chat/place.go",
			old:  "\t\treturn p.part\n",
			new:  "\t\treturn p.part - 1\n",
			test: tests("cmd/internal/api", "TestChatStreamAndResume"),
		},
	}
}

// ofLearning break learning and forgetting.
func ofLearning() []mutation {
	return []mutation{
		{
			name: "1 of 32 experiences is not recorded",
			file: "handlers/chat/record.go",
			old:  "if !t.in.Keep || !teaches(a.Reply) {",
			new:  "if id := t.run.Job.ID; !t.in.Keep || !teaches(a.Reply) || id[len(id)-1] == '0' {",
			seed: 1,
		}, {
			name: "a failed dream gives nothing back",
			file: "store/learn/ended.go",
			old:  `table != "dreams" || to == job.StateSucceeded`,
			new:  `table != "dreams" || to != ""`,
			test: tests("store/job", "TestSubjects"),
		}, {
			name: "the gate takes the estimate for its lower bound",
			file: "handlers/tune/exam/gate.go",
			old:  "if r.Bound > whole/2+g.Margin {",
			new:  "if r.WinRate > whole/2+g.Margin {",
			test: tests("handlers/tune/exam", "TestGate"),
		}, {
			name: "what is held out is dreamt of",
			file: "handlers/dream/study/screen.go",
			old:  "\tif s.Experience.HeldOut {\n",
			new:  "\tif s.Experience.HeldOut && s.Experience.ID == \"\" {\n",
			test: tests("handlers/dream", "TestWhatIsKeptAndWhatIsNot"),
		}, {
			name: "forgetting leaves an object",
			file: "handlers/forget/object.go",
			old:  "if err != nil || dropped == 0 {",
			new:  "if err != nil || dropped >= 0 {",
			test: tests("handlers/forget", "TestForgetLeavesNoWord"),
		},
	}
}

// ofSecrets break secrecy.
func ofSecrets() []mutation {
	return []mutation{
		{
			name: "a secret is not masked in what is learned",
			file: "providers/redact/redact.go",
			old:  "masked, found = m.apply(secrets, text)",
			new:  "masked, found = m.apply(personal, text)",
			test: tests("providers/redact", "TestMask"),
		}, {
			name: "a vendor's echo of the key is passed on",
			file: "providers/secret.go",
			old:  `strings.ReplaceAll(words, secret, "[secret]")`,
			new:  `strings.ReplaceAll(words, secret, secret)`,
			test: tests("providers/openai", "TestSecretsStayOut"),
		}, {
			name: "a private job that failed is not cleared",
			file: "store/job/move.go",
			old:  "if s.Private { // there is no answer to be delivered",
			new:  "if s.Private && to == StateExpired {",
			test: tests("store/job", "TestPrivateJobsAreCleared"),
		}, {
			name: "an undelivered private answer is not cleared",
			file: "store/job/prune.go",
			old:  "`UPDATE jobs SET input = '{}', result = NULL WHERE id IN ({list $1})`",
			new:  "`UPDATE jobs SET input = '{}' WHERE id IN ({list $1})`",
			test: tests("store/job", "TestPrivateJobsAreCleared"),
		}, {
			name: "a webhook may lead to a private address",
			file: "handlers/webhook/post.go",
			old:  "if err != nil || !rules.Permits(to.Addr()) {",
			new:  "if err != nil || !to.IsValid() {",
			test: tests("handlers/webhook", "TestNameOfAPrivateAddress"),
		},
	}
}
