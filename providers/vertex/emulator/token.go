package emulator

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"time"

	"dreamlab/providers/sandbox/lab"
)

// life is how long an access token is valid, by the clock of who asks for it.
const life = 3599 * time.Second

// user and machine are who the tokens are given to, beside service accounts.
const (
	user    = "user@example.com"
	machine = "default@" + project + ".iam.gserviceaccount.com"
)

// The grants of the token endpoint (RFC 6749, section 6; RFC 7523).
const (
	refreshGrant = "refresh_token"
	keyGrant     = "urn:ietf:params:oauth:grant-type:jwt-bearer"
)

// claims are what a token says of itself. It is sealed and not kept, so that it
// outlives the sandbox's process.
type claims struct {
	Who  string `json:"sub"`
	Ends int64  `json:"exp"` // the lab's time, seconds
}

// mint makes a token. The lab's time may run faster than the wall's.
func (e *emulator) mint(who string) map[string]any {
	speed := max(e.lab.Clock.Speed(), 1)
	ends := e.lab.Now().Add(time.Duration(float64(life) * speed))
	said, err := json.Marshal(claims{who, ends.Unix()})
	if err != nil { // a text and a number always marshal
		panic(err)
	}
	body := base64.RawURLEncoding.EncodeToString(said)
	return map[string]any{
		"access_token": "ya29." + body + "." + e.seal(body),
		"expires_in":   int64(life.Seconds()), "token_type": "Bearer",
	}
}

func (e *emulator) seal(body string) string {
	mac := hmac.New(sha256.New, []byte(e.lab.Credential()))
	mac.Write([]byte(body))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

// admit checks a request's access token.
func (e *emulator) admit(r *http.Request) *lab.Failure {
	refused := &lab.Failure{Status: http.StatusUnauthorized, Extra: map[string]any{"details": []any{map[string]any{
		"@type": errorInfo, "reason": "ACCESS_TOKEN_TYPE_UNSUPPORTED", "domain": "googleapis.com",
	}}}}
	token, found := strings.CutPrefix(lab.Bearer(r), "ya29.")
	body, seal, whole := strings.Cut(token, ".")
	if !found || !whole || !hmac.Equal([]byte(seal), []byte(e.seal(body))) {
		return refused
	}
	said, err := base64.RawURLEncoding.DecodeString(body)
	var c claims
	if err != nil || json.Unmarshal(said, &c) != nil || e.lab.Now().Unix() >= c.Ends {
		return refused
	}
	return nil
}

// token is Google's endpoint for tokens (https://oauth2.googleapis.com/token).
func (e *emulator) token(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 1<<16)
	switch r.PostFormValue("grant_type") {
	case refreshGrant:
		if !e.lab.KeyFits(r.PostFormValue("refresh_token")) {
			refuse(w, "invalid_grant", "Token has been expired or revoked.")
			return
		}
		lab.WriteJSON(w, http.StatusOK, e.mint(user))
	case keyGrant:
		who, fault := e.keys.check(r.PostFormValue("assertion"), lab.Address(r, "/token", nil), e.lab.Clock.Wall())
		if fault != "" {
			refuse(w, "invalid_grant", fault)
			return
		}
		lab.WriteJSON(w, http.StatusOK, e.mint(who))
	default:
		refuse(w, "unsupported_grant_type", "Invalid grant_type: "+r.PostFormValue("grant_type"))
	}
}

// refuse writes the error of RFC 6749, section 5.2.
func refuse(w http.ResponseWriter, code, words string) {
	lab.WriteJSON(w, http.StatusBadRequest, map[string]string{"error": code, "error_description": words})
}

// machine gives the token of the machine's service account.
func (e *emulator) machine(w http.ResponseWriter, r *http.Request) {
	if r.Header.Get("Metadata-Flavor") != "Google" {
		http.Error(w, "Missing Metadata-Flavor:Google header.", http.StatusForbidden)
		return
	}
	w.Header().Set("Metadata-Flavor", "Google")
	lab.WriteJSON(w, http.StatusOK, e.mint(machine))
}

// metadata answers what clients ask to find out whether they run at Google.
func metadata(w http.ResponseWriter, r *http.Request) {
	said := map[string]string{
		"/computeMetadata/v1/instance":                                 "",
		"/computeMetadata/v1/instance/":                                "",
		"/computeMetadata/v1/project/project-id":                       project,
		"/computeMetadata/v1/universe/universe-domain":                 "googleapis.com",
		"/computeMetadata/v1/universe/universe_domain":                 "googleapis.com",
		"/computeMetadata/v1/instance/service-accounts/default/email":  machine,
		"/computeMetadata/v1/instance/service-accounts/default/scopes": scope,
	}
	answer, found := said[r.URL.Path]
	if r.Header.Get("Metadata-Flavor") != "Google" {
		http.Error(w, "Missing Metadata-Flavor:Google header.", http.StatusForbidden)
		return
	}
	w.Header().Set("Metadata-Flavor", "Google")
	if !found {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", "application/text")
	if _, err := w.Write([]byte(answer)); err != nil {
		return // the client has left
	}
}
