package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"dreamlab/cmd/internal/api/wire"
	"dreamlab/store/blob"
)

// objects sends what the bucket holds, and drops what was kept in vain.
type objects struct{ bucket blob.Bucket }

// send streams an object of the bucket.
func (o objects) send(w http.ResponseWriter, c *wire.Call, name, contentType string) error {
	object, err := o.bucket.Open(c.Context(), name)
	if err != nil {
		return fmt.Errorf("open object: %w", err)
	}
	w.Header().Set("Content-Type", contentType)
	_, err = io.Copy(wire.NewPatient(w), object)
	if closeErr := object.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return fmt.Errorf("send object: %w", err)
	}
	return nil
}

// drop removes what was kept for a request that came to nothing. It does so for
// a client that has gone, too.
func (o objects) drop(c *wire.Call, name string) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Context()), 10*time.Second)
	defer cancel()
	if err := o.bucket.Delete(ctx, name); err != nil {
		return fmt.Errorf("drop object: %w", err)
	}
	return nil
}

// uploadFault tells what the client did wrong from what the bucket did.
func uploadFault(err error) error {
	var tooLarge *http.MaxBytesError
	var f *wire.Fault
	if errors.As(err, &tooLarge) || errors.As(err, &f) {
		return err
	}
	return fmt.Errorf("keep upload: %w", err)
}
