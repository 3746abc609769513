package gate

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
)

// once answers a request with an Idempotency-Key that makes no job: the first reply is kept for a
// day and given again. What is kept is sealed with the caller's own secret, which the database
// does not have: a key's secret that was shown once is read from it by nobody else.
func (g *Gate) once(w http.ResponseWriter, c *wire.Call, serve wire.Handler) error {
	key, err := IdemKey(c)
	if err != nil {
		return err
	}
	if key == "" {
		return serve(w, c)
	}
	body, err := io.ReadAll(c.Body)
	if err != nil {
		return wire.ReadFault(err)
	}
	c.Body = io.NopCloser(bytes.NewReader(body))
	asked := store.Reply{Tenant: c.Tenant, IdemKey: key, Hash: HashOf(c, slices.Concat(body, []byte(c.Key+"?"+c.URL.RawQuery)))}
	known, mine, err := g.Store.TakeReply(c.Context(), asked)
	if err != nil {
		return err
	}
	seal, err := sealOf(secretOf(c.Request, false))
	if err != nil {
		return err
	}
	if !mine {
		return again(w, asked, known, seal)
	}
	c.Once = known.Made
	out := &keeper{ResponseWriter: w}
	err = serve(out, c)
	late := context.WithoutCancel(c.Context()) // the client may have gone
	if err != nil || out.status < 200 || out.status >= 300 {
		return errors.Join(err, g.Store.DropReply(late, known))
	}
	known.Status, known.Kind, known.Body = out.status, w.Header().Get("Content-Type"), sealed(seal, out.body.Bytes())
	if err := g.Store.EndReply(late, known); err != nil {
		return fmt.Errorf("keep the reply of an Idempotency-Key: %w", err)
	}
	return nil
}

// again gives a reply again, or says why it can not be given.
func again(w http.ResponseWriter, asked, known store.Reply, seal cipher.AEAD) error {
	conflict := &wire.Fault{Status: http.StatusConflict, Code: "idempotency_conflict"}
	if known.Hash != asked.Hash {
		conflict.Message = "This Idempotency-Key came with another request, or another API key, before: " +
			"take a new key for a new request."
		return conflict
	}
	if known.Status == 0 {
		conflict.After = time.Second
		conflict.Message = "The first request with this Idempotency-Key is still being answered: try again in a second."
		return conflict
	}
	body, err := opened(seal, known.Body)
	if err != nil {
		conflict.Message = "What this Idempotency-Key asked for was done, but the reply can only be given again to the secret " +
			"or token that asked, and that was replaced since: look at what was made."
		return conflict
	}
	w.Header().Set("Idempotent-Replayed", "true")
	return wire.Write(w, known.Status, known.Kind, body)
}

// keeper keeps what is written of a reply.
type keeper struct {
	http.ResponseWriter
	status int
	body   bytes.Buffer
}

// WriteHeader notes the status.
func (k *keeper) WriteHeader(status int) {
	k.status = status
	k.ResponseWriter.WriteHeader(status)
}

// Write keeps the bytes.
func (k *keeper) Write(p []byte) (int, error) {
	k.body.Write(p)
	return k.ResponseWriter.Write(p)
}

// Unwrap lets http.ResponseController reach deadlines and flushing.
func (k *keeper) Unwrap() http.ResponseWriter { return k.ResponseWriter }

// sealOf returns what seals replies to a secret.
func sealOf(secret string) (cipher.AEAD, error) {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte("reply"))
	block, err := aes.NewCipher(mac.Sum(nil))
	if err != nil {
		return nil, fmt.Errorf("seal a reply: %w", err)
	}
	return cipher.NewGCM(block)
}

// sealed is a text of the nonce and what is sealed with it.
func sealed(seal cipher.AEAD, plain []byte) []byte {
	nonce := make([]byte, seal.NonceSize(), seal.NonceSize()+len(plain)+seal.Overhead())
	if _, err := rand.Read(nonce); err != nil {
		panic(err) // it never returns an error
	}
	return []byte(base64.StdEncoding.EncodeToString(seal.Seal(nonce, nonce, plain, nil)))
}

func opened(seal cipher.AEAD, text []byte) ([]byte, error) {
	raw, err := base64.StdEncoding.DecodeString(string(text))
	if err != nil || len(raw) < seal.NonceSize() {
		return nil, errors.New("open a reply: it is malformed")
	}
	return seal.Open(nil, raw[:seal.NonceSize()], raw[seal.NonceSize():], nil)
}
