package exam

import "testing"

func TestFaults(t *testing.T) {
	t.Parallel()
	const said = "Where is my order? I am at jo@example.com and saw https://shop.example/track on your page."
	recorded := []string{"Your order is on its way and will be there on Monday."}
	for name, c := range map[string]struct {
		text string
		want Faults
	}{
		"good":            {"Your order arrives on Monday; see https://shop.example/track for the way.", Faults{}},
		"own mail":        {"I wrote to jo@example.com a minute ago.", Faults{}},
		"other mail":      {"I wrote to ann@example.org a minute ago.", Faults{Personal: true}},
		"placeholder":     {"I wrote to [email] a minute ago.", Faults{Placeholder: true}},
		"typed mark":      {"Thank you, <NAME>, it is on its way.", Faults{Placeholder: true}},
		"link":            {"Win a prize at http://evil.example/now today!", Faults{Link: true}},
		"german":          {"Die Bestellung ist auf dem Weg und wir bitten Sie, auf das Paket zu warten.", Faults{Language: true}},
		"cyrillic":        {"Ваш заказ уже в пути и придёт в понедельник.", Faults{Language: true}},
		"threat":          {"Go kill yourself.", Faults{Toxic: true}},
		"refusal":         {"I'm sorry, but I can't help with that.", Faults{Refused: true}},
		"nothing":         {"  ", Faults{Failed: true}},
		"error of server": {"Internal Server Error", Faults{Failed: true}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			a := Answer{Text: c.text, Said: said, Asked: said, Models: recorded}
			if got := a.Faults(); got != c.want {
				t.Errorf("faults %+v", got)
			}
		})
	}
}
