package cloudflare

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"dreamlab/providers"
	"dreamlab/providers/completion"
	"dreamlab/providers/openai"
	"dreamlab/store/plainjson"
)

// The two files of an adapter, of which both have to be there.
const (
	fileConfig  = "adapter_config.json"
	fileWeights = "adapter_model.safetensors"
)

// maxConfig bounds the file of an adapter's configuration, in bytes.
const maxConfig = 1 << 20

// adapterName is the name of an adapter, which is a part of a tuned model's name.
var adapterName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,63}$`)

// Import makes an adapter in the account, or finds it by its name, and uploads its two files
// (https://developers.cloudflare.com/api/resources/ai/subresources/finetunes). Files can not be
// replaced: one that is there stays.
func (l *loras) Import(ctx context.Context, a providers.Adapter) (providers.Handle, error) {
	files, err := l.importable(a)
	if err != nil {
		return nil, err
	}
	k := adapter{a.Name, a.Base}
	made, found, err := l.find(ctx, k)
	if err == nil && !found {
		made, err = l.create(ctx, k)
	}
	if err != nil {
		return nil, err
	}
	for _, f := range files {
		if err := l.upload(ctx, made, a, f); err != nil && !attached(err) {
			return nil, err
		}
	}
	return plainjson.Of(k), nil
}

// importable returns the two files that Cloudflare takes, the small one first.
func (l *loras) importable(a providers.Adapter) ([]providers.AdapterFile, error) {
	byName := map[string]providers.AdapterFile{}
	for _, f := range a.Files {
		byName[f.Name] = f
	}
	config, weights := byName[fileConfig], byName[fileWeights]
	switch {
	case !adapterName.MatchString(a.Name):
		return nil, l.fault(providers.KindInvalid, a.Base, "give the adapter a name of letters, digits, - and _")
	case l.bases[a.Base] == "":
		return nil, l.fault(providers.KindModelGone, a.Base, a.Base+" takes no adapters: name it in "+envBases)
	case config.Name == "" || weights.Name == "":
		return nil, l.fault(providers.KindInvalid, a.Base, "an adapter has the files "+fileConfig+" and "+fileWeights)
	case weights.Bytes > l.maxBytes || config.Bytes > maxConfig:
		return nil, l.fault(providers.KindTooLarge, a.Base, "the adapter's file is larger than "+envBytes+" allows: train a smaller rank")
	}
	return []providers.AdapterFile{config, weights}, nil
}

func (l *loras) create(ctx context.Context, k adapter) (finetune, error) {
	var said struct {
		Result finetune `json:"result"`
	}
	_, err := l.Do(ctx, openai.Call{
		Method: http.MethodPost, URL: l.ai + "/finetunes", Out: &said, Model: k.Base,
		In: map[string]string{"model": k.Base, "name": k.Name, "description": "Made by Dream Lab."},
	})
	if err == nil && said.Result.ID == "" {
		err = l.Garbled("the answer names no adapter")
	}
	return said.Result, err
}

// upload sends one file. The configuration has to name the type of the model, which PEFT leaves out.
func (l *loras) upload(ctx context.Context, made finetune, a providers.Adapter, f providers.AdapterFile) error {
	content, err := a.Checked(ctx, f)
	if err != nil {
		return l.notRead(ctx, err)
	}
	defer content.Close()
	form := openai.Form{
		URL:     l.ai + "/finetunes/" + url.PathEscape(made.ID) + "/finetune-assets",
		Fields:  map[string]string{"file_name": f.Name},
		Name:    f.Name,
		Content: content, Size: f.Bytes,
	}
	if f.Name == fileConfig {
		typed, err := withType(content, typeOf(l.bases[a.Base]))
		if err != nil {
			return l.notRead(ctx, err)
		}
		form.Content, form.Size = bytes.NewReader(typed), int64(len(typed))
	}
	return l.UploadForm(ctx, form, nil)
}

// withType adds the type of the model to an adapter's configuration.
func withType(content io.Reader, kind string) ([]byte, error) {
	config, err := io.ReadAll(io.LimitReader(content, maxConfig+1))
	if err != nil {
		return nil, err
	}
	if !completion.IsObject(config) {
		return nil, errors.New(fileConfig + " is no JSON object")
	}
	return completion.Set(config, "model_type", plainjson.Of(kind)), nil
}

// attached tells that the adapter has the file already.
func attached(err error) bool {
	var e *providers.Error
	return errors.As(err, &e) && (e.Status == http.StatusConflict || strings.Contains(e.Message, "already exists"))
}

// notRead is a fault of the bucket: it passes, and nothing was paid.
func (l *loras) notRead(ctx context.Context, err error) *providers.Error {
	kind, ended := providers.ContextKind(ctx)
	if !ended {
		kind = providers.KindServer
	}
	return &providers.Error{Kind: kind, Provider: name, Charge: providers.ChargeNone, Err: err}
}
