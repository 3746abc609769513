package bedrock

import (
	"context"
	"net/http"

	"dreamlab/providers"
	"dreamlab/providers/amazon"
	"dreamlab/providers/openai"
	"dreamlab/providers/quota"
)

// The quota of imported models: AWS begins with 3
// (https://docs.aws.amazon.com/general/latest/gr/bedrock.html).
const (
	importedCode = "L-45B04988"
	importedName = "Imported models per account"
)

func newQuotas(keys *credential, value func(string) string, config providers.Config) (*amazon.Quotas, error) {
	return amazon.NewQuotas(amazon.Account{Vendor: name, Base: value(amazon.EnvQuotas), Secrets: keys.secrets}, keys.key, config)
}

// room tells whether the account may import one more model. Those under way count. That only so
// many are imported at a time is not looked at: it is over within minutes, long before a training ends.
func (i *imports) room(ctx context.Context) (full, doubt string) {
	told := quota.Source{
		Name: "Service Quotas of Bedrock",
		Needs: "the access key needs servicequotas:GetServiceQuota, GetAWSDefaultServiceQuota and bedrock:ListImportedModels, " +
			"ListModelImportJobs",
	}
	return told.Room(ctx, func(ctx context.Context) ([]quota.Quota, error) {
		limit, err := i.quotas.Coded(ctx, name, importedCode)
		if err != nil {
			return nil, err
		}
		var said struct {
			Models []struct{} `json:"modelSummaries"`
		}
		url := i.controlBase + "/imported-models?maxResults=1000"
		_, err = i.control.Do(ctx, openai.Call{Method: http.MethodGet, URL: url, Out: &said})
		var under struct {
			Jobs []struct{} `json:"modelImportJobSummaries"`
		}
		if err == nil {
			at := i.controlBase + "/model-import-jobs?maxResults=1000&statusEquals=" + statusImporting
			_, err = i.control.Do(ctx, openai.Call{Method: http.MethodGet, URL: at, Out: &under})
		}
		if err == nil && (said.Models == nil || under.Jobs == nil) {
			err = i.control.Garbled("the list of imported models can not be read")
		}
		return []quota.Quota{{
			Name: importedName, Region: i.quotas.Region, Limit: limit, Used: int64(len(said.Models) + len(under.Jobs)),
			Raise: i.quotas.Raise(name),
		}}, err
	})
}
