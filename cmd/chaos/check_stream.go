package main

import (
	"math"
	"strconv"
	"strings"
)

// lookAtStreams compares the streams that clients received with their order, their end, and the
// stored answer.
func lookAtStreams(h *history, n loadNotes, f *finding) {
	kept := map[string]string{}
	for _, e := range h.experiences {
		kept[e.Job] = textOf([]byte(e.Answer), "content")
	}
	var whole, failed, cut int
	for _, s := range n.shown {
		f.see()
		whole, failed, cut = whole+count(s.done), failed+count(s.failed), cut+count(s.cut)
		switch {
		case s.done && s.failed:
			f.breaks(s.job, "its stream ended with an error and with [DONE]")
		case !s.done && !s.failed && !s.cut:
			f.breaks(s.job, "its stream ended without [DONE] and without an error")
		case s.after:
			f.breaks(s.job, "something came behind the end of its stream")
		case s.done && s.text != kept[s.job]:
			f.breaks(s.job, "its stream said %q, what was kept is %q", s.text, kept[s.job])
		}
		if fault := disorder(s.ids); fault != "" {
			f.breaks(s.job, "its stream's events %s", fault)
		}
	}
	f.say("%d streams were whole, %d ended with an error, %d with their connection", whole, failed, cut)
}

func count(is bool) int {
	if is {
		return 1
	}
	return 0
}

// eventID is the position of an event: the entry, and the part of an entry that holds several
// events. The last of them has the entry's own id.
type eventID struct{ epoch, entry, part int }

const lastPart = math.MaxInt

// readEventID reads 1-7 and 1-7.2.
func readEventID(text string) (id eventID, ok bool) {
	epoch, entry, _ := strings.Cut(text, "-")
	entry, part, several := strings.Cut(entry, ".")
	id.part = lastPart
	var errs [3]error
	id.epoch, errs[0] = strconv.Atoi(epoch)
	id.entry, errs[1] = strconv.Atoi(entry)
	if several {
		id.part, errs[2] = strconv.Atoi(part)
	}
	return id, errs == [3]error{}
}

// follows tells whether an event may come directly after another.
func (e eventID) follows(before eventID) bool {
	if before.part == lastPart {
		return e.entry == before.entry+1 && (e.part == 1 || e.part == lastPart)
	}
	return e.entry == before.entry && (e.part == before.part+1 || e.part == lastPart)
}

// disorder describes the fault in the ids of a stream's events; "" if there is none.
func disorder(ids []string) string {
	var before eventID
	for i, text := range ids {
		id, ok := readEventID(text)
		if i == 0 {
			before = eventID{epoch: id.epoch, part: lastPart}
		}
		switch {
		case !ok:
			return "have an id that is none: " + text
		case id.epoch != before.epoch:
			return "are of two epochs: " + text + " came after " + ids[i-1]
		case !id.follows(before):
			return "are not in order: " + text + " is number " + strconv.Itoa(i+1)
		}
		before = id
	}
	return ""
}
