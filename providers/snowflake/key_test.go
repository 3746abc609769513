package snowflake_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"dreamlab/providers"
	"dreamlab/providers/providertest"
	"dreamlab/providers/snowflake"
	"dreamlab/providers/snowflake/emulator"
)

// newKey makes a private key in PEM, and the public one as ALTER USER takes it.
func newKey(t *testing.T, pkcs8 bool) (private []byte, public string) {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	block := &pem.Block{Type: "RSA PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(key)}
	if pkcs8 {
		block.Type = "PRIVATE KEY"
		if block.Bytes, err = x509.MarshalPKCS8PrivateKey(key); err != nil {
			t.Fatal(err)
		}
	}
	der, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(block), base64.StdEncoding.EncodeToString(der)
}

// register gives a user a public key by SQL.
func register(t *testing.T, url, user, public string) {
	t.Helper()
	body, err := json.Marshal(map[string]string{"statement": "ALTER USER " + user + " SET RSA_PUBLIC_KEY='" + public + "';"})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url+"/api/v2/statements", bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+providertest.Key)
	r.Header.Set("Content-Type", "application/json")
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	response, err := (&http.Client{Transport: transport}).Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatalf("status %d", response.StatusCode)
	}
}

func signed(url, user, env, value string) map[string]string {
	values := settings(url)
	delete(values, "SNOWFLAKE_CORTEX_PAT")
	values["SNOWFLAKE_USER"], values[env] = user, value
	return values
}

func TestKeyPair(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(emulator.New(newLab(t)))
	t.Cleanup(server.Close)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	private, public := newKey(t, true)
	older, olderPublic := newKey(t, false)
	stranger, _ := newKey(t, true)
	register(t, server.URL, "ann", public)
	register(t, server.URL, "BOB", olderPublic)
	file := filepath.Join(t.TempDir(), "key.p8")
	if err := os.WriteFile(file, older, 0o600); err != nil {
		t.Fatal(err)
	}
	hour := func() time.Time { return time.Now().Add(-2 * time.Hour) }
	for name, c := range map[string]struct {
		values map[string]string
		now    func() time.Time
		kind   providers.Kind // "" where it answers
	}{
		"a text":        {signed(server.URL, "Ann", "SNOWFLAKE_PRIVATE_KEY", string(private)), nil, ""},
		"a file":        {signed(server.URL, "bob", "SNOWFLAKE_PRIVATE_KEY_FILE", file), nil, ""},
		"another's key": {signed(server.URL, "bob", "SNOWFLAKE_PRIVATE_KEY", string(private)), nil, providers.KindAuth},
		"a stranger":    {signed(server.URL, "ann", "SNOWFLAKE_PRIVATE_KEY", string(stranger)), nil, providers.KindAuth},
		"nobody":        {signed(server.URL, "eve", "SNOWFLAKE_PRIVATE_KEY", string(private)), nil, providers.KindAuth},
		"a late clock":  {signed(server.URL, "ann", "SNOWFLAKE_PRIVATE_KEY", string(private)), hour, providers.KindAuth},
	} {
		t.Run(name, func(t *testing.T) {
			driver, err := snowflake.Vendor.Open(providers.Config{
				Values: c.values, HTTP: &http.Client{Transport: transport}, Now: c.now,
			})
			if err != nil {
				t.Fatal(err)
			}
			_, err = driver.Chat(t.Context(), request(llama, 5), nil)
			var e *providers.Error
			if (err == nil) != (c.kind == "") || errors.As(err, &e) && (e.Kind != c.kind || e.Code != "390144") {
				t.Errorf("got %v, want %q", err, c.kind)
			}
		})
	}
}

// A signed token is used until shortly before its end.
func TestSignedTokenIsRenewed(t *testing.T) {
	t.Parallel()
	private, _ := newKey(t, true)
	var tokens []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tokens = append(tokens, r.Header.Get("Authorization"))
		answer(500, "application/json", "{}").ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	transport := &http.Transport{}
	t.Cleanup(transport.CloseIdleConnections)
	now := time.Date(2026, 11, 29, 9, 0, 0, 0, time.UTC)
	driver, err := snowflake.Vendor.Open(providers.Config{
		Values: signed(server.URL, "ann", "SNOWFLAKE_PRIVATE_KEY", string(private)),
		HTTP:   &http.Client{Transport: transport}, Now: func() time.Time { return now },
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, later := range []time.Duration{0, 50 * time.Minute, 5 * time.Minute} {
		now = now.Add(later)
		if _, err := driver.Chat(t.Context(), request(llama, 5), nil); err == nil {
			t.Error("no error")
		}
	}
	if tokens[0] != tokens[1] || tokens[1] == tokens[2] || !strings.HasPrefix(tokens[0], "Bearer eyJ") {
		t.Errorf("sent %d different tokens", len(tokens))
	}
}

// carrier remembers where a request goes and carries it nowhere.
type carrier struct{ sent chan *http.Request }

func (c carrier) RoundTrip(r *http.Request) (*http.Response, error) {
	c.sent <- r
	return nil, errors.New("no network")
}

// An account may be written in many ways, and signs as one.
func TestFormsOfAccounts(t *testing.T) {
	t.Parallel()
	private, _ := newKey(t, true)
	for written, want := range map[string]struct{ host, account string }{
		"myorg-account1":             {"myorg-account1.snowflakecomputing.com", "MYORG-ACCOUNT1"},
		"MyOrg-My_Account":           {"myorg-my-account.snowflakecomputing.com", "MYORG-MY_ACCOUNT"},
		"xy12345":                    {"xy12345.snowflakecomputing.com", "XY12345"},
		"xy12345.us-east-2.aws":      {"xy12345.us-east-2.aws.snowflakecomputing.com", "XY12345"},
		"xy12345.cn-northwest-1":     {"xy12345.cn-northwest-1.snowflakecomputing.cn", "XY12345"},
		"myorg-account1.privatelink": {"myorg-account1.privatelink.snowflakecomputing.com", "MYORG-ACCOUNT1"},
		"https://myorg-account1.snowflakecomputing.com/":    {"myorg-account1.snowflakecomputing.com", "MYORG-ACCOUNT1"},
		"myorg-account1.snowflakecomputing.cn":              {"myorg-account1.snowflakecomputing.cn", "MYORG-ACCOUNT1"},
		" https://XY12345.eu-west-1.SnowflakeComputing.com": {"xy12345.eu-west-1.snowflakecomputing.com", "XY12345"},
	} {
		sent := make(chan *http.Request, 1)
		driver, err := snowflake.Vendor.Open(providers.Config{HTTP: &http.Client{Transport: carrier{sent}}, Values: map[string]string{
			"SNOWFLAKE_ACCOUNT": written, "SNOWFLAKE_USER": "ann", "SNOWFLAKE_PRIVATE_KEY": string(private),
		}})
		if err != nil {
			t.Errorf("%q: %v", written, err)
			continue
		}
		if _, err := driver.Chat(t.Context(), request(llama, 5), nil); err == nil {
			t.Error("no error")
		}
		r := <-sent
		claims, err := base64.RawURLEncoding.DecodeString(strings.Split(r.Header.Get("Authorization"), ".")[1])
		var said struct{ Iss, Sub string }
		if err != nil || json.Unmarshal(claims, &said) != nil {
			t.Fatal(err)
		}
		if r.URL.Host != want.host || said.Sub != want.account+".ANN" || !strings.HasPrefix(said.Iss, said.Sub+".SHA256:") {
			t.Errorf("%q: asks %s as %s", written, r.URL.Host, said.Sub)
		}
	}
	for _, written := range []string{"http://a.snowflakecomputing.com", "a/b", "a b", "https://a.snowflakecomputing.com/x", "a@b"} {
		_, err := snowflake.Vendor.Open(providers.Config{Values: map[string]string{
			"SNOWFLAKE_ACCOUNT": written, "SNOWFLAKE_CORTEX_PAT": "t",
		}})
		if err == nil || !strings.Contains(err.Error(), "SNOWFLAKE_ACCOUNT") {
			t.Errorf("%q: %v", written, err)
		}
	}
}
