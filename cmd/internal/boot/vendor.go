package boot

import (
	"net/http"
	"strings"

	"dreamlab/cmd/internal/config"
	"dreamlab/providers"
	"dreamlab/providers/azure"
	azureemulator "dreamlab/providers/azure/emulator"
	"dreamlab/providers/bedrock"
	bedrockemulator "dreamlab/providers/bedrock/emulator"
	"dreamlab/providers/catalog"
	"dreamlab/providers/cloudflare"
	cloudflareemulator "dreamlab/providers/cloudflare/emulator"
	"dreamlab/providers/colab"
	"dreamlab/providers/databricks"
	databricksemulator "dreamlab/providers/databricks/emulator"
	"dreamlab/providers/groq"
	groqemulator "dreamlab/providers/groq/emulator"
	openaiemulator "dreamlab/providers/openai/emulator"
	"dreamlab/providers/sagemaker"
	sagemakeremulator "dreamlab/providers/sagemaker/emulator"
	"dreamlab/providers/sandbox/lab"
	"dreamlab/providers/snowflake"
	snowflakeemulator "dreamlab/providers/snowflake/emulator"
	"dreamlab/providers/together"
	togetheremulator "dreamlab/providers/together/emulator"
	"dreamlab/providers/vertex"
	vertexemulator "dreamlab/providers/vertex/emulator"
	"dreamlab/providers/vllm"
	vllmemulator "dreamlab/providers/vllm/emulator"
)

// listed is a vendor with its emulator. One that nothing is asked of by wire has none.
type listed struct {
	providers.Vendor
	emulator func(*lab.Lab) http.Handler
}

// list is the one list of vendors.
func list() []listed {
	return []listed{
		{groq.Vendor, groqemulator.New},
		{together.Vendor, togetheremulator.New},
		{vertex.Vendor, vertexemulator.New},
		{azure.Vendor, azureemulator.New},
		{cloudflare.Vendor, cloudflareemulator.New},
		{bedrock.Vendor, bedrockemulator.New},
		{snowflake.Vendor, snowflakeemulator.New},
		{vllm.Vendor, vllmemulator.New},
		{colab.Vendor, nil},
		{databricks.Vendor, databricksemulator.New},
		{sagemaker.Vendor, sagemakeremulator.New},
	}
}

// compatible is the name under which the sandbox serves a plain
// OpenAI-compatible server, which is configured by address and has no vendor.
const compatible = "openai"

// Vendors returns the vendors that can be configured.
func Vendors() []providers.Vendor {
	var vendors []providers.Vendor
	for _, v := range list() {
		vendors = append(vendors, v.Vendor)
	}
	return vendors
}

// keyNames names the settings that hold the vendors' keys.
func keyNames() string {
	var names []string
	for _, v := range list() {
		for _, setting := range v.Settings {
			if setting.Secret && setting.Required {
				names = append(names, setting.Env)
			}
		}
	}
	return strings.Join(names, " or ")
}

// Emulators serves every vendor's emulator under the vendor's name, and the
// lab's own routes beside them.
func Emulators(l *lab.Lab) http.Handler {
	mux := http.NewServeMux()
	mount := func(name string, handler http.Handler) {
		mux.Handle("/"+name+"/", http.StripPrefix("/"+name, handler))
	}
	for _, v := range list() {
		if v.emulator != nil {
			mount(v.Name, v.emulator(l))
		}
	}
	mount(compatible, openaiemulator.New(l))
	mux.Handle("/_sandbox/", l.Admin())
	return mux
}

// addServers tells the catalogue what the operator's own servers have, and that what runs
// on people's own machines costs nothing by the token.
func addServers(known *catalog.Catalog, servers []config.Server) {
	for _, own := range []string{vllm.Vendor.Name, colab.Vendor.Name} {
		known.Register(catalog.Free(own))
	}
	for _, server := range servers {
		known.Register(catalog.Free(server.Name))
		for _, id := range server.Models {
			model := catalog.Free(server.Name)
			model.ID = id
			known.Register(model)
		}
	}
}
