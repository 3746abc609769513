package web

import (
	"errors"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"time"

	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store"
	"dreamlab/store/db"
)

// sessionLife is how long a browser stays signed in.
const sessionLife = 12 * time.Hour

const themeCookie = "dreamlab_theme"

// signInView is the page that asks for a key.
type signInView struct {
	Next  string // the page to go to then
	Wrong string // why the last key was refused
}

// signIn asks for a key, and leads to the page that was asked for afterwards.
func (v *visit) signIn() error {
	v.status = http.StatusUnauthorized
	body := signInView{Next: v.here()}
	if _, err := v.r.Cookie(wire.SessionCookie); err == nil {
		body.Wrong = "Your session has ended, or its key was revoked: sign in again."
		v.setSession("", -1)
	}
	return v.show("signin", "Sign in", body)
}

func signInPage(v *visit) error {
	if v.signedIn() {
		return v.done("", "")
	}
	return v.show("signin", "Sign in", signInView{})
}

// signInWith takes a key and opens a session.
func signInWith(v *visit) error {
	key, err := v.Sessions.KeyBySecret(v.r.Context(), strings.TrimSpace(v.r.PostFormValue("key")))
	if err == nil && !comesFrom(key, v.r) {
		err = db.ErrNotFound
	}
	if errors.Is(err, db.ErrNotFound) {
		v.status = http.StatusUnauthorized
		return v.show("signin", "Sign in", signInView{Next: backTo(v.r),
			Wrong: "This key is unknown, revoked or expired, or may not be used from here."})
	}
	if err != nil {
		return err
	}
	return v.enter(key.ID, backTo(v.r))
}

func comesFrom(key store.Key, r *http.Request) bool {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	return len(key.Networks) == 0 || err == nil && key.Comes(from.Addr())
}

// enterWithTicket signs in by a link that works once.
func enterWithTicket(v *visit) error {
	key, err := v.Sessions.TakeTicket(v.r.Context(), v.r.URL.Query().Get("ticket"))
	if errors.Is(err, db.ErrNotFound) {
		v.status = http.StatusUnauthorized
		return v.show("signin", "Sign in", signInView{Wrong: "This link was used before or has run out: sign in with a key."})
	}
	if err != nil {
		return err
	}
	return v.enter(key, "")
}

func (v *visit) enter(key, next string) error {
	secret, err := v.Sessions.NewSession(v.r.Context(), key, sessionLife)
	if err != nil {
		return err
	}
	v.setSession(secret, int(sessionLife/time.Second))
	return v.done(next, "")
}

func signOut(v *visit) error {
	if err := v.Sessions.EndSession(v.r.Context(), v.session); err != nil {
		return err
	}
	v.setSession("", -1)
	return v.done("signin", "signed-out")
}

func (v *visit) setSession(secret string, age int) {
	http.SetCookie(v.w, &http.Cookie{
		Name: wire.SessionCookie, Value: secret, Path: v.Prefix + "/", MaxAge: age, HttpOnly: true,
		Secure: secure(v.r), SameSite: http.SameSiteStrictMode,
	})
}

// secure tells whether the browser came by https, here or to the proxy in front.
func secure(r *http.Request) bool {
	return r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https"
}

// setTheme keeps whether a browser shows light, dark, or what its system says.
func setTheme(v *visit) error {
	theme := v.r.PostFormValue("theme")
	if !slices.Contains([]string{"light", "dark"}, theme) {
		theme = ""
	}
	http.SetCookie(v.w, &http.Cookie{
		Name: themeCookie, Value: theme, Path: v.Prefix + "/", MaxAge: int(365 * 24 * time.Hour / time.Second),
		HttpOnly: true, Secure: secure(v.r), SameSite: http.SameSiteLaxMode,
	})
	return v.done(backTo(v.r), "")
}

func themeOf(r *http.Request) string {
	cookie, err := r.Cookie(themeCookie)
	if err != nil || cookie.Value != "light" && cookie.Value != "dark" {
		return ""
	}
	return cookie.Value
}
