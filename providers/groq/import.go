package groq

import (
	"archive/zip"
	"context"
	"errors"
	"io"
	"os"

	"dreamlab/providers"
	"dreamlab/providers/openai"
	"dreamlab/store/plainjson"
)

// The two files of an adapter: Groq takes an archive with these alone.
const (
	fileConfig  = "adapter_config.json"
	fileWeights = "adapter_model.safetensors"
)

// file is the name of the archive of an adapter.
func (k adapter) file() string { return k.Name + ".zip" }

func (l loras) files() string { return l.base + "/openai/v1/files" }

// file looks for the archive of an adapter.
func (l loras) file(ctx context.Context, k adapter) (id string, found bool, err error) {
	all, err := openai.ListAll[struct {
		ID   string `json:"id"`
		Name string `json:"filename"`
	}](ctx, l.client, l.files())
	for _, f := range all {
		if f.Name == k.file() && f.ID != "" {
			return f.ID, true, nil
		}
	}
	return "", false, err
}

// Import uploads an adapter, unless the account has it.
func (l loras) Import(ctx context.Context, a providers.Adapter) (providers.Handle, error) {
	files, err := l.importable(a)
	if err != nil {
		return nil, err
	}
	k := adapter{Name: a.Name, Base: a.Base}
	_, found, err := l.file(ctx, k)
	if err == nil && !found {
		err = l.upload(ctx, k, a, files)
	}
	if err != nil {
		return nil, err
	}
	return plainjson.Of(k), nil
}

// importable returns the two files that Groq takes.
func (l loras) importable(a providers.Adapter) ([]providers.AdapterFile, error) {
	var files []providers.AdapterFile
	for _, f := range a.Files {
		if f.Name == fileConfig || f.Name == fileWeights {
			files = append(files, f)
		}
	}
	switch {
	case !adapterName.MatchString(a.Name):
		return nil, fault(providers.KindInvalid, a.Base, "give the adapter a name of letters, digits, - and _")
	case l.bases[a.Base] == "":
		return nil, fault(providers.KindModelGone, a.Base, a.Base+" takes no adapters: name it in "+envBases)
	case len(files) != 2:
		return nil, fault(providers.KindInvalid, a.Base, "an adapter has the files "+fileConfig+" and "+fileWeights)
	}
	return files, nil
}

// upload sends the archive, which is made on the disk: its size has to be known before.
func (l loras) upload(ctx context.Context, k adapter, a providers.Adapter, files []providers.AdapterFile) (err error) {
	archive, err := os.CreateTemp("", "dreamlab-adapter-")
	if err != nil {
		return notRead(ctx, err)
	}
	defer func() { err = errors.Join(err, archive.Close(), os.Remove(archive.Name())) }()
	size, err := pack(ctx, archive, a, files)
	if err != nil {
		return notRead(ctx, err)
	}
	return l.client.UploadForm(ctx, openai.Form{
		URL: l.files(), Purpose: "fine_tuning", Name: k.file(), Content: archive, Size: size,
	}, nil)
}

// pack writes an archive of an adapter's files and goes back to its beginning.
func pack(ctx context.Context, to *os.File, a providers.Adapter, files []providers.AdapterFile) (size int64, err error) {
	archive := zip.NewWriter(to)
	for _, f := range files {
		if err := packFile(ctx, archive, a, f); err != nil {
			return 0, err
		}
	}
	if err := archive.Close(); err != nil {
		return 0, err
	}
	if size, err = to.Seek(0, io.SeekCurrent); err == nil {
		_, err = to.Seek(0, io.SeekStart)
	}
	return size, err
}

// packFile adds a file as it is: weights do not get smaller.
func packFile(ctx context.Context, archive *zip.Writer, a providers.Adapter, f providers.AdapterFile) error {
	content, err := a.Checked(ctx, f)
	if err != nil {
		return err
	}
	defer content.Close()
	part, err := archive.CreateHeader(&zip.FileHeader{Name: f.Name, Method: zip.Store})
	if err == nil {
		_, err = io.Copy(part, content)
	}
	return err
}

// notRead is a fault of the bucket or the disk: it passes, and nothing was paid.
func notRead(ctx context.Context, err error) *providers.Error {
	kind, ended := providers.ContextKind(ctx)
	if !ended {
		kind = providers.KindServer
	}
	return &providers.Error{Kind: kind, Provider: name, Charge: providers.ChargeNone, Err: err}
}
