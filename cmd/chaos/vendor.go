package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"
)

// payment is what a vendor's emulator has billed for a model.
type payment struct {
	Vendor string `json:"vendor"`
	Model  string `json:"model"`
	Calls  int    `json:"calls"`
}

// payments asks the vendors for their count.
func (l *lab) payments(ctx context.Context) ([]payment, error) {
	var answer struct {
		Data []payment `json:"data"`
	}
	err := l.sandbox(ctx, http.MethodGet, "/_sandbox/payments", "", &answer)
	return answer.Data, err
}

// vendorPost adds a fault to the vendors' script.
func (l *lab) vendorPost(ctx context.Context, fault string) error {
	return l.sandbox(ctx, http.MethodPost, "/_sandbox/faults", fault, nil)
}

func (l *lab) sandbox(ctx context.Context, method, path, body string, into any) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	ask, err := http.NewRequestWithContext(ctx, method, l.vendor+path, strings.NewReader(body))
	if err != nil {
		return err
	}
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	answer, err := client.Do(ask)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		err = fmt.Errorf("the sandbox answers %s to %s %s", answer.Status, method, path)
	} else if into != nil {
		err = json.NewDecoder(answer.Body).Decode(into)
	}
	return errors.Join(err, answer.Body.Close())
}
