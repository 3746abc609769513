package happening

import (
	"context"
	"errors"
	"net/http"
	"time"

	"dreamlab/cmd/internal/api/token"
	"dreamlab/cmd/internal/api/wire"
)

// Signer says whose tokens are taken. Its zero value takes none.
type Signer struct {
	// Account is the e-mail address of the service account, and Audience is what its tokens are
	// made for: the address of the route.
	Account, Audience string
	// Keys is where the signing keys are. Defaults to where Google's discovery says.
	Keys string
}

var errToken = errors.New("the token is not one of the service account's")

// verifier checks that tokens are a service account's of Google.
type verifier struct {
	Signer
	tokens *token.Verifier
}

func newVerifier(s Signer, now func() time.Time) *verifier {
	return &verifier{s, token.NewVerifier(token.Source{Issuer: token.Google, Audience: s.Audience, Keys: s.Keys, Now: now})}
}

// check refuses a token that is not the account's, for the audience, and of now.
func (v *verifier) check(ctx context.Context, raw string) error {
	if v.Account == "" || v.Audience == "" {
		return errToken
	}
	claims, err := v.tokens.Verify(ctx, raw)
	var fault *wire.Fault
	switch {
	case errors.As(err, &fault) && fault.Status == http.StatusUnauthorized:
		return errToken
	case err != nil:
		return err
	case claims.Text("email") != v.Account || !claims.True("email_verified"):
		return errToken
	}
	return nil
}
