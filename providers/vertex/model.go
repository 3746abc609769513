package vertex

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"dreamlab/providers"
	"dreamlab/providers/openai"
)

// maxPages bounds the pages of one publisher's models.
const maxPages = 20

// Models lists what the publishers offer, as [providers.Driver] says
// (https://cloud.google.com/vertex-ai/docs/reference/rest/v1beta1/publishers.models/list).
// Whether the project may use a model shows only when it is asked.
func (d *driver) Models(ctx context.Context) ([]providers.ModelInfo, error) {
	var infos []providers.ModelInfo
	for _, publisher := range d.publishers {
		listed, err := d.published(ctx, strings.TrimSpace(publisher))
		if err != nil {
			return nil, err
		}
		infos = append(infos, listed...)
	}
	return infos, nil
}

func (d *driver) published(ctx context.Context, publisher string) ([]providers.ModelInfo, error) {
	var infos []providers.ModelInfo
	query := url.Values{"pageSize": {"100"}}
	for range maxPages {
		var page struct {
			Models []struct {
				Name  string `json:"name"` // publishers/google/models/gemini-2.5-flash
				Stage string `json:"launchStage"`
			} `json:"publisherModels"`
			Next string `json:"nextPageToken"`
		}
		where := d.place.host(d.place.location) + "/v1beta1/publishers/" + url.PathEscape(publisher) + "/models?"
		call := openai.Call{Method: http.MethodGet, URL: where + query.Encode(), Out: &page}
		if _, err := d.Do(ctx, call); err != nil {
			return nil, err
		}
		for _, m := range page.Models {
			_, id, _ := strings.Cut(m.Name, "/models/")
			infos = append(infos, providers.ModelInfo{
				ID: publisher + "/" + id, OwnedBy: publisher, Active: m.Stage != "DEPRECATED",
			})
		}
		if page.Next == "" {
			break
		}
		query.Set("pageToken", page.Next)
	}
	return infos, nil
}
