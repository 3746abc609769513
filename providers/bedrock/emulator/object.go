package emulator

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"net/http"
	"strings"

	"dreamlab/providers/sandbox/lab"
)

// objectService is the name by which requests to S3 are signed.
const objectService = "s3"

// objectsPath is below which S3 is served, each bucket in the path.
const objectsPath = "/s3/"

// objects are what is kept in S3, as far as batches need it: whole objects are put and
// got (https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html).
type objects struct {
	lab    *lab.Lab
	vendor lab.Vendor
}

func newObjects(l *lab.Lab) *objects {
	o := &objects{lab: l}
	o.vendor = lab.Vendor{Name: name, Fail: failObject, Admit: o.admit}
	return o
}

// serve brings what writes objects by the clock up to date before they are read.
func (o *objects) serve(settle func() *lab.Failure) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("PUT "+objectsPath+"{bucket}/{key...}", o.vendor.Handle(o.putRoute))
	mux.HandleFunc("GET "+objectsPath+"{bucket}/{key...}", o.vendor.Handle(
		func(w http.ResponseWriter, r *http.Request) *lab.Failure {
			if refused := settle(); refused != nil {
				return refused
			}
			return o.getRoute(w, r)
		}))
	mux.HandleFunc("/", o.vendor.Handle(func(http.ResponseWriter, *http.Request) *lab.Failure {
		return &lab.Failure{Status: http.StatusMethodNotAllowed, Type: "MethodNotAllowed"}
	}))
	return o.lab.Serve(o.vendor, mux)
}

// admit checks the signature, and the sum of the body that it is for.
func (o *objects) admit(r *http.Request) *lab.Failure {
	signed, refused := parseSignature(r, objectService)
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

// kept is the name of an object on the shelf.
func kept(bucket, key string) string { return "s3-" + hexSum([]byte(bucket+"/"+key)) }

func (o *objects) putRoute(w http.ResponseWriter, r *http.Request) *lab.Failure {
	if refused := o.put(r.PathValue("bucket"), r.PathValue("key"), r.Body); refused != nil {
		return refused
	}
	w.Header().Set("ETag", `"`+lab.NewID("")+`"`)
	w.WriteHeader(http.StatusOK)
	return nil
}

func (o *objects) put(bucket, key string, content io.Reader) *lab.Failure {
	if _, err := o.lab.Shelf.Put(kept(bucket, key), content); err != nil {
		return lab.NotKept(err)
	}
	return nil
}

func (o *objects) getRoute(w http.ResponseWriter, r *http.Request) *lab.Failure {
	content, refused := o.open(r.PathValue("bucket"), r.PathValue("key"))
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

func (o *objects) open(bucket, key string) (io.ReadCloser, *lab.Failure) {
	content, err := o.lab.Shelf.Open(kept(bucket, key))
	if errors.Is(err, lab.ErrAbsent) {
		return nil, &lab.Failure{
			Status: http.StatusNotFound, Type: "NoSuchKey", Message: "The specified key does not exist.",
		}
	}
	if err != nil {
		return nil, lab.NotKept(err)
	}
	return content, nil
}

// split takes the bucket and the key out of an address of S3.
func split(uri string) (bucket, key string, ok bool) {
	rest, found := strings.CutPrefix(uri, "s3://")
	bucket, key, _ = strings.Cut(rest, "/")
	return bucket, key, found && bucket != ""
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
