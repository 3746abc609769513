package shared

import (
	"encoding/json"
	"strings"

	"dreamlab/store/plainjson"
)

// Conversation is the field of messages of an object, its first but for a standard. What all of them begin with is sent
// once, before the cases: examples that stand before each question, a document that several ask about, or the words around
// what a program fills in.
const Conversation = "conversation"

// The fields of what conversations have in common.
const (
	fieldBefore = "before"
	fieldBegins = "begins"
	fieldEnds   = "ends"
)

// leastSame is how many bytes of the cases have to be saved for what they have in common to be told apart.
const leastSame = 400

// common is what conversations have in common.
type common struct {
	before       []json.RawMessage // their first messages
	begins, ends string            // the text of the message that follows
}

// told says of each field that is sent where it belongs.
func (c common) told() string {
	told := ""
	if len(c.before) > 0 {
		told += `; "` + fieldBefore + `" beside them are the first messages of each conversation`
	}
	if c.begins != "" {
		told += `; "` + fieldBegins + `" beside them is how the first message that follows in each begins`
	}
	if c.ends != "" {
		told += `; "` + fieldEnds + `" beside them is how that message ends`
	}
	return told
}

// fields are the members of the object that hold it.
func (c common) fields() string {
	fields := ""
	if len(c.before) > 0 {
		fields += quoted(fieldBefore) + ":" + string(plainjson.Of(c.before)) + ","
	}
	if c.begins != "" {
		fields += quoted(fieldBegins) + ":" + quoted(c.begins) + ","
	}
	if c.ends != "" {
		fields += quoted(fieldEnds) + ":" + quoted(c.ends) + ","
	}
	return fields
}

func (c common) size() int { return len(c.fields()) }

// dialogue is a conversation of an object that begins with it.
type dialogue struct {
	messages []json.RawMessage
	rest     string // of the object
}

func dialogueOf(object string) (d dialogue, ok bool) {
	messages, rest := cutFirst(object, Conversation)
	ok = messages != "" && json.Unmarshal([]byte(messages), &d.messages) == nil && len(d.messages) > 0
	d.rest = rest
	return d, ok
}

// object is the dialogue's object again.
func (d dialogue) object() string {
	head := "{" + quoted(Conversation) + ":" + string(plainjson.Of(d.messages))
	if d.rest == "{}" {
		return head + "}"
	}
	return head + "," + strings.TrimPrefix(d.rest, "{")
}

// message is one that is a text and nothing else.
type message struct {
	Role    string `json:"role"`
	Content string `json:"content"`
}

func textOf(raw json.RawMessage) (m message, ok bool) {
	var fields map[string]json.RawMessage
	ok = json.Unmarshal(raw, &fields) == nil && len(fields) == 2 && json.Unmarshal(raw, &m) == nil && m.Role != ""
	return m, ok && fields["content"] != nil
}

// alike takes out of objects what their conversations begin with, where that saves enough.
func alike(objects []string) (same common, cut []string) {
	all := make([]dialogue, len(objects))
	for i, object := range objects {
		var ok bool
		if all[i], ok = dialogueOf(object); !ok {
			return common{}, objects
		}
	}
	same.before = firstMessages(all)
	texts := make([]string, len(all))
	for i := range all {
		all[i].messages = all[i].messages[len(same.before):]
		m, ok := textOf(all[i].messages[0])
		if !ok {
			texts = nil
			break
		}
		texts[i] = m.Content
	}
	same.begins, same.ends = ends(texts)
	if same.size()*(len(all)-1) < leastSame {
		return common{}, objects
	}
	cut = make([]string, len(all))
	for i, d := range all {
		cut[i] = d.without(same).object()
	}
	return same, cut
}

// without shortens the text of the first message.
func (d dialogue) without(same common) dialogue {
	if same.begins == "" && same.ends == "" {
		return d
	}
	m, _ := textOf(d.messages[0])
	m.Content = strings.TrimSuffix(strings.TrimPrefix(m.Content, same.begins), same.ends)
	d.messages = append([]json.RawMessage{plainjson.Of(m)}, d.messages[1:]...)
	return d
}

// firstMessages are the messages that all conversations begin with; each has one more.
func firstMessages(all []dialogue) []json.RawMessage {
	n := len(all[0].messages) - 1
	for _, d := range all[1:] {
		n = min(n, len(d.messages)-1)
		for i := range n {
			if string(d.messages[i]) != string(all[0].messages[i]) {
				n = i
				break
			}
		}
	}
	return all[0].messages[:n]
}

// ends are how all texts begin and how they end, in whole words.
func ends(texts []string) (begins, end string) {
	if len(texts) == 0 {
		return "", ""
	}
	begins, end = texts[0], texts[0]
	for _, text := range texts[1:] {
		n := 0
		for n < len(begins) && n < len(text) && begins[n] == text[n] {
			n++
		}
		begins = begins[:n]
		n = 0
		for n < len(end) && n < len(text) && end[len(end)-1-n] == text[len(text)-1-n] {
			n++
		}
		end = end[len(end)-n:]
	}
	begins = begins[:strings.LastIndexAny(begins, " \n")+1]
	shortest := len(texts[0])
	for _, text := range texts {
		shortest = min(shortest, len(text))
	}
	end = end[max(0, len(end)-(shortest-len(begins))):] // the two do not overlap in any
	at := strings.IndexAny(end, " \n")
	if at < 0 {
		return begins, ""
	}
	return begins, end[at:]
}
