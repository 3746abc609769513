package db

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
)

// SealKey is a key that texts are sealed with, and the name by which they tell it.
type SealKey struct {
	ID     string // see KeyID
	Secret []byte // 32 bytes
}

// KeyID is what names of keys look like.
var KeyID = regexp.MustCompile(`^[A-Za-z0-9_-]{1,16}$`)

// ErrNoKey means that a text was sealed with a key that is not configured.
var ErrNoKey = errors.New("its key is not configured: add it to encryption.keys")

// A sealed text is a mark, the key's id in a fixed width, so that SQL can count by it, and in
// base64 the nonce and what AES-256-GCM makes of the text. A plain text that begins as no text
// of ours does is stored behind another mark.
const (
	sealedMark = "\x01sealed:"
	plainMark  = "\x01plain:"
	idWidth    = 16
)

// Vault seals texts with its first key and opens those of all. A nil Vault seals nothing.
type Vault struct {
	first string // mark and id of the key that seals
	keys  map[string]cipher.AEAD
}

// NewVault returns the vault of some keys; nil for none.
func NewVault(keys []SealKey) (*Vault, error) {
	if len(keys) == 0 {
		return nil, nil
	}
	v := &Vault{first: sealedHead(keys[0].ID), keys: make(map[string]cipher.AEAD, len(keys))}
	for _, key := range keys {
		if !KeyID.MatchString(key.ID) || len(key.Secret) != 32 {
			return nil, fmt.Errorf("the key %q: give 1 to 16 letters and digits as its id, and 32 bytes", key.ID)
		}
		block, err := aes.NewCipher(key.Secret)
		if err != nil {
			return nil, fmt.Errorf("the key %s: %w", key.ID, err)
		}
		if v.keys[key.ID], err = cipher.NewGCMWithRandomNonce(block); err != nil {
			return nil, fmt.Errorf("the key %s: %w", key.ID, err)
		}
	}
	return v, nil
}

// sealedHead is what texts that were sealed with a key begin with.
func sealedHead(id string) string {
	return sealedMark + id + strings.Repeat(".", max(0, idWidth-len(id)))
}

// seal seals a text of a row, which alone opens it again. The empty text stays as it is.
func (v *Vault) seal(row, text string) string {
	switch {
	case text == "":
		return ""
	case v == nil && text[0] == sealedMark[0]:
		return plainMark + text
	case v == nil:
		return text
	}
	sealed := v.keys[keyOf(v.first)].Seal(nil, nil, []byte(text), []byte(row))
	return v.first + base64.RawStdEncoding.EncodeToString(sealed)
}

// open returns the text of a row, as it was before it was sealed.
func (v *Vault) open(row, text string) (string, error) {
	if text == "" || text[0] != sealedMark[0] {
		return text, nil
	}
	if plain, marked := strings.CutPrefix(text, plainMark); marked {
		return plain, nil
	}
	id := keyOf(text)
	if v == nil || v.keys[id] == nil {
		return "", fmt.Errorf("open a text of %s, sealed with the key %q: %w", row, id, ErrNoKey)
	}
	sealed, err := base64.RawStdEncoding.DecodeString(text[len(sealedMark)+idWidth:])
	if err == nil {
		sealed, err = v.keys[id].Open(nil, nil, sealed, []byte(row))
	}
	if err != nil {
		return "", fmt.Errorf("open a text of %s, sealed with the key %q: it was changed, or the key is another: %w", row, id, err)
	}
	return string(sealed), nil
}

// keyOf returns the id of the key that a text was sealed with, "" for none.
func keyOf(text string) string {
	if !strings.HasPrefix(text, sealedMark) || len(text) < len(sealedMark)+idWidth {
		return ""
	}
	return strings.TrimRight(text[len(sealedMark):len(sealedMark)+idWidth], ".")
}

// Seal seals a text for a row of a table, named by its key. It is what is stored where the row's
// scanner reads the column with [Opened].
func (q *Tx) Seal(text string, row ...any) string { return q.vault.seal(rowName(row), text) }

// SealOptional is Seal of a text that may be missing.
func (q *Tx) SealOptional(text string, row ...any) *string { return Optional(q.Seal(text, row...)) }

// Seals tells whether texts are sealed.
func (q *Tx) Seals() bool { return q.vault != nil }

// sealedText is where Scan puts a text that may be sealed.
type sealedText struct {
	text     *string
	optional **string
	row      []any
}

// Opened has Scan put a text that was stored by [Tx.Seal] into a *string or **string, opened. The
// row is named by the targets of its key, in the same Scan, or by their values.
func Opened(into any, row ...any) any {
	s := &sealedText{row: row}
	switch into := into.(type) {
	case *string:
		s.text = into
	case **string:
		s.optional = into
	}
	return s
}

// target is what the driver scans into.
func (s *sealedText) target() any {
	if s.text != nil {
		return s.text
	}
	return s.optional
}

func (s *sealedText) open(v *Vault) (err error) {
	text := s.text
	if text == nil {
		text = *s.optional
	}
	if text == nil || *text == "" || (*text)[0] != sealedMark[0] {
		return nil
	}
	*text, err = v.open(rowName(s.row), *text)
	return err
}

// rowName joins the parts of a row's key.
func rowName(row []any) string {
	if len(row) == 1 {
		return partOf(row[0])
	}
	parts := make([]string, len(row))
	for i, part := range row {
		parts[i] = partOf(part)
	}
	return strings.Join(parts, "/")
}

func partOf(part any) string {
	switch p := part.(type) {
	case string:
		return p
	case *string:
		return *p
	case int:
		return strconv.Itoa(p)
	case *int:
		return strconv.Itoa(*p)
	}
	return fmt.Sprint(part)
}

// opening are rows whose sealed texts are opened while they are scanned.
type opening struct {
	Rows
	vault *Vault
}

// Scan scans a row.
func (o *opening) Scan(dest ...any) error {
	var sealed []*sealedText
	for i, into := range dest {
		if s, is := into.(*sealedText); is {
			dest[i] = s.target()
			sealed = append(sealed, s)
		}
	}
	if err := o.Rows.Scan(dest...); err != nil {
		return err
	}
	for _, s := range sealed {
		if err := s.open(o.vault); err != nil {
			return err
		}
	}
	return nil
}

// Reseal returns a stored text as it is stored under the key that seals now, and whether that
// changes it.
func (q *Tx) Reseal(stored string, row ...any) (text string, changed bool, err error) {
	if q.vault == nil || stored == "" || strings.HasPrefix(stored, q.vault.first) {
		return stored, false, nil
	}
	plain, err := q.vault.open(rowName(row), stored)
	if err != nil {
		return "", false, err
	}
	return q.Seal(plain, row...), true, nil
}

// SealedWith returns a column of SQL that holds the id of the key that a text was sealed with,
// padded with dots, and the empty text where it is plain.
func SealedWith(column string) string {
	n := strconv.Itoa(len(sealedMark))
	return "CASE WHEN substr(" + column + ", 1, " + n + ") = '" + sealedMark + "' THEN substr(" + column + ", " +
		strconv.Itoa(len(sealedMark)+1) + ", " + strconv.Itoa(idWidth) + ") ELSE '' END"
}

// SealingKeys returns the ids of the keys that open texts, and that of the one that seals; none of a nil
// vault.
func (q *Tx) SealingKeys() (opens map[string]bool, seals string) {
	opens = map[string]bool{}
	if q.vault == nil {
		return opens, ""
	}
	for id := range q.vault.keys {
		opens[id] = true
	}
	return opens, keyOf(q.vault.first)
}
