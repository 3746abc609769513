package form

import "maps"

// send adds an event of a response's stream, numbered.
func (r *responseReply) send(out *events, kind string, fields map[string]any) error {
	event := map[string]any{"type": kind, "sequence_number": r.sequence}
	maps.Copy(event, fields)
	r.sequence++
	return out.named(kind, event)
}

func (r *responseReply) chunk(out *events, body []byte) error {
	c, err := read(body)
	if err != nil {
		return err
	}
	if err := r.open(out, c); err != nil {
		return err
	}
	if c.Usage != nil {
		r.counted = c.Usage
	}
	if c.Ours != nil {
		r.ours = c.Ours
	}
	one := c.first()
	if one.Finish != nil {
		r.finish = *one.Finish
	}
	return r.take(out, one.Delta)
}

// open tells of the response before its first item.
func (r *responseReply) open(out *events, c completion) error {
	if r.id != "" {
		return nil
	}
	r.start(c)
	for _, kind := range []string{"response.created", "response.in_progress"} {
		if err := r.send(out, kind, map[string]any{"response": r.response("in_progress")}); err != nil {
			return err
		}
	}
	return nil
}

// take adds what a chunk says to the items that it belongs to.
func (r *responseReply) take(out *events, d said) error {
	if err := r.add(out, openItem{kind: "reasoning"}, d.thought()); err != nil {
		return err
	}
	if err := r.add(out, openItem{kind: "message"}, valueOf(d.Content)); err != nil {
		return err
	}
	if err := r.add(out, openItem{kind: "message", refusal: true}, valueOf(d.Refusal)); err != nil {
		return err
	}
	for _, call := range d.ToolCalls {
		if err := r.addCall(out, call); err != nil {
			return err
		}
	}
	return nil
}

func (r *responseReply) last() *openItem {
	if len(r.items) == 0 {
		return nil
	}
	return r.items[len(r.items)-1]
}

// add adds text to the last item, or to a new one where that is of another kind.
func (r *responseReply) add(out *events, like openItem, text string) error {
	if text == "" {
		return nil
	}
	it := r.last()
	if it == nil || it.done || it.kind != like.kind || it.refusal != like.refusal {
		var err error
		if it, err = r.begin(out, like); err != nil {
			return err
		}
	}
	it.text += text
	return r.send(out, it.event("delta"), it.fields(len(r.items)-1, "delta", text))
}

func (r *responseReply) addCall(out *events, call toolCall) error {
	it := r.last()
	if it == nil || it.done || it.kind != "function_call" || call.Index != it.callIndex {
		var err error
		like := openItem{kind: "function_call", call: call.ID, name: call.Function.Name, callIndex: call.Index}
		if it, err = r.begin(out, like); err != nil {
			return err
		}
	}
	if call.Function.Arguments == "" {
		return nil
	}
	it.text += call.Function.Arguments
	return r.send(out, it.event("delta"), it.fields(len(r.items)-1, "delta", call.Function.Arguments))
}

// begin closes the item before and tells of a new one.
func (r *responseReply) begin(out *events, like openItem) (*openItem, error) {
	if err := r.closeItem(out); err != nil {
		return nil, err
	}
	at := len(r.items)
	it := &like
	it.id = r.itemID(it.kind, at)
	r.items = append(r.items, it)
	err := r.send(out, "response.output_item.added", map[string]any{"output_index": at, "item": it.shown("")})
	if err != nil {
		return nil, err
	}
	if part := it.emptyPart(); part != nil {
		err = r.send(out, it.partEvent("added"), it.fields(at, "part", part))
	}
	return it, err
}

// closeItem tells that the last item is whole.
func (r *responseReply) closeItem(out *events) error {
	it := r.last()
	if it == nil || it.done {
		return nil
	}
	it.done = true
	at := len(r.items) - 1
	whole := map[string]string{"function_call": "arguments", "message": "text", "reasoning": "text"}[it.kind]
	if it.refusal {
		whole = "refusal"
	}
	if err := r.send(out, it.event("done"), it.fields(at, whole, it.text)); err != nil {
		return err
	}
	if it.kind != "function_call" {
		part := it.part()
		if it.kind == "reasoning" {
			part = map[string]any{"type": "summary_text", "text": it.text}
		}
		if err := r.send(out, it.partEvent("done"), it.fields(at, "part", part)); err != nil {
			return err
		}
	}
	return r.send(out, "response.output_item.done", map[string]any{"output_index": at, "item": it.shown(r.status())})
}

func (it *openItem) event(step string) string {
	switch {
	case it.kind == "function_call":
		return "response.function_call_arguments." + step
	case it.kind == "reasoning":
		return "response.reasoning_summary_text." + step
	case it.refusal:
		return "response.refusal." + step
	}
	return "response.output_text." + step
}

func (it *openItem) partEvent(step string) string {
	if it.kind == "reasoning" {
		return "response.reasoning_summary_part." + step
	}
	return "response.content_part." + step
}

func (it *openItem) emptyPart() map[string]any {
	switch it.kind {
	case "message":
		return it.part()
	case "reasoning":
		return map[string]any{"type": "summary_text", "text": ""}
	}
	return nil
}

// fields are what events of an item have in common, and one of their own.
func (it *openItem) fields(at int, name string, value any) map[string]any {
	f := map[string]any{"item_id": it.id, "output_index": at, name: value}
	switch it.kind {
	case "message":
		f["content_index"] = 0
		if !it.refusal && name != "part" {
			f["logprobs"] = []any{}
		}
	case "reasoning":
		f["summary_index"] = 0
	case "function_call":
		if name == "arguments" {
			f["name"] = it.name
		}
	}
	return f
}

func (r *responseReply) end(out *events) error {
	if r.last() == nil { // nothing was said
		if _, err := r.begin(out, openItem{kind: "message"}); err != nil {
			return err
		}
	}
	if err := r.closeItem(out); err != nil {
		return err
	}
	status := r.status()
	return r.send(out, "response."+status, map[string]any{"response": r.response(status)})
}

// fail ends the stream as the official clients expect it: an error event, and the
// response that failed where one had begun.
func (r *responseReply) fail(out *events, fault []byte) error {
	code, told, param := faultOf(fault)
	err := r.send(out, "error", map[string]any{"code": code, "message": told, "param": param})
	if err != nil || r.id == "" {
		return err
	}
	failed := r.response("failed")
	failed["error"] = map[string]string{"code": code, "message": told}
	return r.send(out, "response.failed", map[string]any{"response": failed})
}

func (r *responseReply) beat(out *events) { out.comment() }
