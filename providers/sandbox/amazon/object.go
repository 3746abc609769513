// Package amazon is what the emulators of AWS's services share: signatures, which are
// computed again, frames of event streams, and as much of S3 as files and batches need.
package amazon

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"errors"
	"hash"
	"io"
	"net/http"
	"strconv"
	"strings"

	"dreamlab/providers/sandbox/lab"
)

// objectService is the name by which requests to S3 are signed.
const objectService = "s3"

// ObjectsPath is below which S3 is served, each bucket in the path.
const ObjectsPath = "/s3/"

// Objects are what a vendor's customer keeps in S3, as far as the vendor needs it: whole
// objects are put, looked at, got and deleted
// (https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html). There is every bucket.
type Objects struct {
	lab    *lab.Lab
	vendor lab.Vendor
	kept   *lab.Bucket // by bucket and key
}

// OpenObjects opens what an earlier run has left.
func OpenObjects(l *lab.Lab, vendor string) (*Objects, error) {
	kept, err := l.OpenBucket(vendor + "-s3")
	o := &Objects{lab: l, kept: kept}
	o.vendor = lab.Vendor{Name: vendor, Fail: failObject, Admit: o.admit}
	return o, err
}

// Serve makes the handler of S3. Settle brings what writes objects by the clock up to date
// before they are read.
func (o *Objects) Serve(settle func() *lab.Failure) http.Handler {
	mux := http.NewServeMux()
	object := ObjectsPath + "{bucket}/{key...}"
	settled := func(route func(http.ResponseWriter, *http.Request) *lab.Failure) http.HandlerFunc {
		return o.vendor.Handle(func(w http.ResponseWriter, r *http.Request) *lab.Failure {
			if refused := settle(); refused != nil {
				return refused
			}
			return route(w, r)
		})
	}
	mux.HandleFunc("PUT "+object, o.vendor.Handle(o.putRoute))
	mux.HandleFunc("GET "+object, settled(o.getRoute))
	mux.HandleFunc("HEAD "+object, settled(o.headRoute))
	mux.HandleFunc("DELETE "+object, o.vendor.Handle(o.deleteRoute))
	mux.HandleFunc("/", o.vendor.Handle(func(http.ResponseWriter, *http.Request) *lab.Failure {
		return &lab.Failure{Status: http.StatusMethodNotAllowed, Type: "MethodNotAllowed"}
	}))
	return o.lab.Serve(o.vendor, mux)
}

// admit checks the signature, and the sum of the body that it is for.
func (o *Objects) admit(r *http.Request) *lab.Failure {
	signed, refused := parseSignature(o.lab, r, objectService)
	if refused != nil {
		return refused
	}
	promised := r.Header.Get("X-Amz-Content-Sha256")
	if promised == "" {
		return &lab.Failure{Status: http.StatusBadRequest, Type: "MissingSecurityHeader"}
	}
	if promised != "UNSIGNED-PAYLOAD" {
		sum, refused := bodySum(r)
		if refused != nil {
			return refused
		}
		if sum != promised {
			return &lab.Failure{Status: http.StatusBadRequest, Type: "XAmzContentSHA256Mismatch"}
		}
	}
	return signed.verify(o.lab.Credential(), r, promised)
}

// named is the name of the object in a request's path.
func named(r *http.Request) string { return r.PathValue("bucket") + "/" + r.PathValue("key") }

func (o *Objects) putRoute(w http.ResponseWriter, r *http.Request) *lab.Failure {
	sum := md5.New() // the tag that S3 gives an object which is put at once
	if refused := o.Put(named(r), io.TeeReader(r.Body, sum)); refused != nil {
		return refused
	}
	w.Header().Set("ETag", tagOf(sum))
	w.WriteHeader(http.StatusOK)
	return nil
}

func tagOf(sum hash.Hash) string { return `"` + hex.EncodeToString(sum.Sum(nil)) + `"` }

// Put keeps an object under its bucket and key.
func (o *Objects) Put(name string, content io.Reader) *lab.Failure {
	if _, err := o.kept.Put(name, content); err != nil {
		return lab.NotKept(err)
	}
	return nil
}

func (o *Objects) getRoute(w http.ResponseWriter, r *http.Request) *lab.Failure {
	content, refused := o.Open(named(r))
	if refused != nil {
		return refused
	}
	defer content.Close()
	w.Header().Set("Content-Type", "application/octet-stream")
	if _, err := io.Copy(w, content); err != nil {
		panic(http.ErrAbortHandler) // the client has left
	}
	return nil
}

// Open reads the object of a bucket and a key.
func (o *Objects) Open(name string) (io.ReadCloser, *lab.Failure) {
	content, err := o.kept.Open(name)
	if errors.Is(err, lab.ErrAbsent) {
		return nil, absent()
	}
	if err != nil {
		return nil, lab.NotKept(err)
	}
	return content, nil
}

func absent() *lab.Failure {
	return &lab.Failure{Status: http.StatusNotFound, Type: "NoSuchKey", Message: "The specified key does not exist."}
}

// Below lists the names of the objects that begin so.
func (o *Objects) Below(prefix string) []string {
	var names []string
	for _, found := range o.kept.List(prefix) {
		names = append(names, found.Name)
	}
	return names
}

func (o *Objects) headRoute(w http.ResponseWriter, r *http.Request) *lab.Failure {
	content, refused := o.Open(named(r))
	if refused != nil {
		return refused
	}
	defer content.Close()
	sum := md5.New()
	size, err := io.Copy(sum, content)
	if err != nil {
		return lab.NotKept(err)
	}
	w.Header().Set("Content-Length", strconv.FormatInt(size, 10))
	w.Header().Set("ETag", tagOf(sum))
	w.WriteHeader(http.StatusOK)
	return nil
}

// deleteRoute deletes an object. S3 does not tell whether there was one.
func (o *Objects) deleteRoute(w http.ResponseWriter, r *http.Request) *lab.Failure {
	if err := o.kept.Delete(named(r)); err != nil && !errors.Is(err, lab.ErrAbsent) {
		return lab.NotKept(err)
	}
	w.WriteHeader(http.StatusNoContent)
	return nil
}

// Split takes the name of an object, with its bucket, out of an address of S3.
func Split(uri string) (name string, ok bool) {
	name, found := strings.CutPrefix(uri, "s3://")
	bucket, _, _ := strings.Cut(name, "/")
	return name, found && bucket != ""
}

// failObject writes an error as S3 does, in XML.
func failObject(w http.ResponseWriter, f lab.Failure) {
	code := f.Type
	switch {
	case code == "InvalidSignatureException":
		code = "SignatureDoesNotMatch"
	case code == "UnrecognizedClientException":
		code = "InvalidAccessKeyId"
	case f.Status == http.StatusForbidden:
		code = "AccessDenied"
	case f.Status == http.StatusTooManyRequests || f.Status == http.StatusServiceUnavailable:
		f.Status, code = http.StatusServiceUnavailable, "SlowDown"
	case code == "" && f.Status >= http.StatusInternalServerError:
		code = "InternalError"
	case code == "":
		code = "InvalidRequest"
	}
	var out bytes.Buffer
	out.WriteString(xml.Header + "<Error><Code>" + code + "</Code><Message>")
	if err := xml.EscapeText(&out, []byte(f.Message)); err != nil { // a buffer takes everything
		panic(err)
	}
	out.WriteString("</Message></Error>")
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(f.Status)
	if _, err := w.Write(out.Bytes()); err != nil {
		panic(http.ErrAbortHandler) // the client has left
	}
}
