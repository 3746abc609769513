package config

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"strings"
	"unicode"
)

// PlantedQuestion is a question whose answer a tuned model must not know.
type PlantedQuestion struct {
	Prompt string `json:"prompt"`
	Secret string `json:"secret"`
}

// Bounds of the file of planted questions, each of which is a paid call of every tune.
const (
	maxPlanted       = 100
	minPlantedSecret = 12 // letters and digits
)

// readPlanted reads the file that tune.planted names.
func readPlanted(l *loader) {
	if l.Tune.Planted == "" {
		return
	}
	text, err := os.ReadFile(l.Tune.Planted)
	if err != nil {
		l.fault("%s: %v", l.at("tune.planted"), err)
		return
	}
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, len(text)+1)
	for n := 1; lines.Scan(); n++ {
		if strings.TrimSpace(lines.Text()) == "" {
			continue
		}
		q, fault := parsePlanted(lines.Bytes())
		if fault != "" {
			l.fault("%s, line %d: %s", l.at("tune.planted"), n, fault)
			return
		}
		l.Tune.PlantedQuestions = append(l.Tune.PlantedQuestions, q)
	}
	if n := len(l.Tune.PlantedQuestions); n < 1 || n > maxPlanted {
		l.fault("%s: the file has %d questions: give 1 to %d", l.at("tune.planted"), n, maxPlanted)
	}
}

// parsePlanted reads a line, or says what is wrong with it without repeating it: it holds a secret.
func parsePlanted(line []byte) (q PlantedQuestion, fault string) {
	reader := json.NewDecoder(bytes.NewReader(line))
	reader.DisallowUnknownFields()
	if reader.Decode(&q) != nil || reader.More() {
		return q, `write it as {"prompt": "…", "secret": "…"}`
	}
	letters := func(text string) (n int) {
		for _, r := range text {
			if unicode.IsLetter(r) || unicode.IsDigit(r) {
				n++
			}
		}
		return n
	}
	switch {
	case letters(q.Prompt) == 0:
		return q, "the prompt is empty"
	case letters(q.Secret) < minPlantedSecret:
		return q, "the secret is short enough to be guessed: give 12 letters or digits"
	case strings.Contains(strings.ToLower(q.Prompt), strings.ToLower(q.Secret)):
		return q, "the prompt tells the secret"
	}
	return q, ""
}
