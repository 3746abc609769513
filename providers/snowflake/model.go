package snowflake

import (
	"cmp"
	"context"
	"encoding/json"
	"net/http"

	"dreamlab/providers"
	"dreamlab/providers/openai"
)

// Models lists what the account may ask, as [providers.Driver] says.
func (d *driver) Models(ctx context.Context) ([]providers.ModelInfo, error) {
	var out struct {
		Models []modelName `json:"models"`
	}
	call := openai.Call{Method: http.MethodGet, URL: d.base + "/models", Out: &out}
	if _, err := d.Do(ctx, call); err != nil {
		return nil, err
	}
	infos := make([]providers.ModelInfo, 0, len(out.Models))
	for _, model := range out.Models {
		infos = append(infos, providers.ModelInfo{ID: string(model), OwnedBy: name, Active: true})
	}
	return infos, nil
}

// modelName is a model of the list: a text, or an object that has a name.
type modelName string

// UnmarshalJSON reads both forms.
func (n *modelName) UnmarshalJSON(data []byte) error {
	var text string
	if json.Unmarshal(data, &text) == nil {
		*n = modelName(text)
		return nil
	}
	var object struct{ Name, ID string }
	err := json.Unmarshal(data, &object)
	*n = modelName(cmp.Or(object.Name, object.ID))
	return err
}
