package emulator

import (
	"encoding/json"
	"slices"
	"strings"

	"dreamlab/providers/sandbox/lab"
)

// check refuses what Bedrock refuses, in its words.
func (a *ask) check(m entry) *lab.Failure {
	for _, look := range []func(entry) *lab.Failure{a.checkTurns, a.checkTools, a.checkModel, a.checkFormat} {
		if refused := look(m); refused != nil {
			return refused
		}
	}
	return nil
}

func (a *ask) checkTurns(entry) *lab.Failure {
	if len(a.Messages) == 0 || a.Messages[0].Role != "user" {
		return refuse("A conversation must start with a user message. Try again with a conversation that starts with " +
			"a user message.")
	}
	for i, t := range a.Messages {
		switch {
		case t.Role != "user" && t.Role != "assistant":
			return refuse("1 validation error detected: Value '%s' at 'messages.%d.member.role' failed to satisfy "+
				"constraint: Member must satisfy enum value set: [user, assistant]", t.Role, i+1)
		case i > 0 && t.Role == a.Messages[i-1].Role:
			return refuse("A conversation must alternate between user and assistant roles. Make sure the conversation " +
				"alternates between user and assistant roles and try again.")
		case len(t.Content) == 0:
			return refuse("The content field in the Message object at messages.%d is empty. Add a ContentBlock object "+
				"to the content field and try again.", i)
		}
		for j, b := range t.Content {
			if b.Text != nil && strings.TrimSpace(*b.Text) == "" {
				return refuse("The text field in the ContentBlock object at messages.%d.content.%d is blank. Add text "+
					"to the text field, and try again.", i, j)
			}
			if b.members() != 1 {
				return refuse("The ContentBlock object at messages.%d.content.%d must set one of the following keys: text, "+
					"image, document, video, audio, toolUse, toolResult, guardContent, cachePoint, reasoningContent.", i, j)
			}
		}
	}
	return nil
}

func (b block) members() int {
	count := 0
	for _, set := range []bool{
		b.Text != nil, b.ToolUse != nil, b.ToolResult != nil, b.Image != nil, len(b.Reasoning) > 0, len(b.CachePoint) > 0,
	} {
		if set {
			count++
		}
	}
	return count
}

func (a *ask) checkTools(m entry) *lab.Failure {
	usesTools := a.has(func(b block) bool { return b.ToolUse != nil || b.ToolResult != nil })
	switch {
	case a.Tools == nil && usesTools:
		return refuse("The toolConfig field must be defined when using toolUse and toolResult content blocks.")
	case a.Tools != nil && len(a.Tools.Tools) == 0:
		return refuse("1 validation error detected: Value at 'toolConfig.tools' failed to satisfy constraint: Member " +
			"must have length greater than or equal to 1")
	case a.Tools != nil && !m.can("tools"):
		return refuse("This model doesn't support tool use.")
	}
	return nil
}

func (a *ask) checkModel(m entry) *lab.Failure {
	image := a.has(func(b block) bool { return b.Image != nil })
	cached := a.has(func(b block) bool { return len(b.CachePoint) > 0 })
	switch {
	case image && !m.can("vision"):
		return refuse("This model doesn't support the image content block that you provided in the messages field. " +
			"Remove the image and try again.")
	case cached && !m.can("cache"):
		return refuse("This model doesn't support the cachePoint field. Remove it and try again.")
	case a.Limits.MaxTokens > m.MaxOutput:
		return refuse("The maximum tokens you requested exceeds the model limit of %d. Try again with a maximum tokens "+
			"value that is lower than %d.", m.MaxOutput, m.MaxOutput)
	case a.Tier != nil && a.Tier.Type != "default" && !slices.Contains(m.Tiers, a.Tier.Type):
		return refuse("This model does not support the service tier '%s'.", a.Tier.Type)
	}
	return nil
}

func (a *ask) checkFormat(m entry) *lab.Failure {
	if a.Output.Effort != "" && !m.can("reasoning") {
		return refuse("This model doesn't support the outputConfig.effort field. Remove it and try again.")
	}
	format := a.Output.TextFormat
	if format == nil {
		return nil
	}
	schema := format.Structure.Schema.Schema
	switch {
	case !m.can("json_schema"):
		return refuse("This model doesn't support the outputConfig.textFormat field. Remove it and try again.")
	case format.Type != "json_schema" || schema == nil || !json.Valid([]byte(*schema)):
		return refuse("The value at outputConfig.textFormat.structure.jsonSchema.schema is not a JSON schema in a string.")
	}
	return nil
}
