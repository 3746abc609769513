package web

import (
	"net/http"
	"net/url"
	"strings"

	"dreamlab/store/money"
)

// keyView is an API key.
type keyView struct {
	ID         string   `json:"id"`
	Name       string   `json:"name"`
	Scopes     []string `json:"scopes"`
	Models     []string `json:"models"`
	Ranges     []string `json:"ip_ranges"`
	Disabled   bool     `json:"disabled"`
	CreatedAt  *int64   `json:"created_at"`
	ExpiresAt  *int64   `json:"expires_at"`
	RevokedAt  *int64   `json:"revoked_at"`
	LastUsedAt *int64   `json:"last_used_at"`
	Key        string   `json:"key"`
}

// State says in a word whether the key works.
func (k keyView) State() string {
	switch {
	case k.RevokedAt != nil:
		return "revoked"
	case k.Disabled:
		return "disabled"
	}
	return "active"
}

// keysView is the page of keys and limits.
type keysView struct {
	Keys   paged[keyView]
	Spend  map[string]spendView // of the last 30 days, by key
	Limits []limitView
	Budget list[budgetView]
	Fresh  *keyView // a key whose secret is shown this once
	Scopes []string
	Chosen string
}

// budgetView is a cap, and what of it is used.
type budgetView struct {
	Key      *string   `json:"key"`
	Purpose  *string   `json:"purpose"`
	Provider *string   `json:"provider"`
	USD      money.USD `json:"usd"`
	Per      string    `json:"per"`
	Hard     bool      `json:"hard"`
	Used     money.USD `json:"used_usd"`
	Left     money.USD `json:"remaining_usd"`
	ResetsAt *int64    `json:"resets_at"`
}

// Share returns how much of the cap is used, at most 1.
func (b budgetView) Share() float64 {
	if b.USD <= 0 {
		return 1
	}
	return min(float64(b.Used)/float64(b.USD), 1)
}

type limitView struct {
	Key      *string   `json:"key"`
	Model    *string   `json:"model"`
	Requests *int64    `json:"requests_per_minute"`
	Tokens   *int64    `json:"tokens_per_minute"`
	LeftR    *leftView `json:"requests"`
	LeftT    *leftView `json:"tokens"`
}

type leftView struct {
	Remaining    int64   `json:"remaining"`
	ResetSeconds float64 `json:"reset_seconds"`
}

func keysPage(v *visit) error { return v.keys(nil) }

// keys shows the keys, and the secret of one that was just made.
func (v *visit) keys(fresh *keyView) error {
	body := keysView{Fresh: fresh, Scopes: []string{"use", "view", "review", "admin"}, Chosen: v.r.PathValue("id"),
		Spend: map[string]spendView{}}
	var err error
	if body.Keys, err = listed[keyView](v, "/v1/keys"); err != nil {
		return err
	}
	var limits list[limitView]
	if err := v.get("/v1/limits", nil, &limits); err != nil {
		return err
	}
	body.Limits = limits.Data
	if err := v.get("/v1/budgets", nil, &body.Budget); err != nil {
		return err
	}
	var spend usageView
	if err := v.get("/v1/usage", url.Values{"group_by": {"key"}}, &spend); err != nil {
		return err
	}
	for _, s := range spend.Data {
		body.Spend[s.Group] = s
	}
	return v.show("keys", "Keys, budgets and limits", body)
}

// createKey makes a key and shows its secret in the answer itself, so that it is in no address.
func createKey(v *visit) error {
	if err := v.r.ParseForm(); err != nil {
		return &refusal{Status: http.StatusBadRequest, Message: "The form can not be read: send it again."}
	}
	ask := map[string]any{"name": strings.TrimSpace(v.r.PostFormValue("name")), "scopes": v.r.PostForm["scope"]}
	if len(v.r.PostForm["scope"]) == 0 {
		return &refusal{Status: http.StatusBadRequest, Message: "Choose at least one scope."}
	}
	var made keyView
	if err := v.ask(http.MethodPost, "/v1/keys", ask, &made); err != nil {
		return err
	}
	return v.keys(&made)
}

func rotateKey(v *visit) error {
	var made keyView
	err := v.ask(http.MethodPost, "/v1/keys/"+url.PathEscape(v.r.PathValue("id"))+"/rotate", map[string]any{}, &made)
	if err != nil {
		return err
	}
	return v.keys(&made)
}

func revokeKey(v *visit) error {
	if err := v.ask(http.MethodDelete, "/v1/keys/"+url.PathEscape(v.r.PathValue("id")), nil, nil); err != nil {
		return err
	}
	return v.done("keys", "revoked")
}
