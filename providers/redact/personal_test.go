package redact_test

import (
	"encoding/json"
	"strings"
	"testing"

	"dreamlab/providers/redact"
)

// TestPersonalForms masks what is personal, each in the words that people use.
func TestPersonalForms(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		// names
		"Hello, I am John Smith.":                        "Hello, I am [NAME_1].",
		"hi, my name is john":                            "hi, my name is [NAME_1]",
		"My name's Ann, call me Annie":                   "My name's [NAME_1], call me [NAME_2]",
		"Frau Dr. Müller und Herr Weiß":                  "Frau Dr. [NAME_1] und Herr [NAME_2]",
		"Mrs. O'Brien and Mr Li":                         "Mrs. [NAME_1] and Mr [NAME_2]",
		"Ich heiße Jörg van Dyk.":                        "Ich heiße [NAME_1].",
		"Je m'appelle Amélie Poulain.":                   "Je m'appelle [NAME_1].",
		"Me llamo Sofía, gracias":                        "Me llamo [NAME_1], gracias",
		"Hey Caroline! Good to see you.":                 "Hey [NAME_1]! Good to see you.",
		"Thanks for all, I'm Evan. Evan's order is here": "Thanks for all, I'm [NAME_1]. [NAME_1]'s order is here",
		"A table under the name of Garcia, please":       "A table under the name of [NAME_1], please",
		// addresses
		"Send it to 42 Maple Street, Springfield, IL 62704 today": "Send it to [ADDRESS_1] today",
		"I live at 123 N. Main St. Apt 4B":                        "I live at [ADDRESS_1]",
		"at 12 elm avenue":                                        "at [ADDRESS_1]",
		"1600 Pennsylvania Ave NW":                                "[ADDRESS_1]",
		"Ich wohne in der Hauptstraße 12a, 10115 Berlin.":         "Ich wohne in der [ADDRESS_1].",
		"Lindenweg 3":                        "[ADDRESS_1]",
		"12 rue de la République":            "[ADDRESS_1]",
		"Calle Mayor 5":                      "[ADDRESS_1]",
		"flat at SW1A 1AA, P.O. Box 1234":    "flat at [ADDRESS_2], [ADDRESS_1]",
		"It is at 5320 25th Street in town.": "It is at [ADDRESS_1] in town.",
		// dates of birth
		"I was born on March 3rd, 1985.":     "I was born on [BIRTH_DATE_1].",
		"DOB: 04/12/1990":                    "DOB: [BIRTH_DATE_1]",
		"my birthday is 12 May 1990":         "my birthday is [BIRTH_DATE_1]",
		"geboren am 3. April 1985":           "geboren am [BIRTH_DATE_1]",
		"date de naissance : 03/04/1985":     "date de naissance : [BIRTH_DATE_1]",
		"née le 3 avril 1985, à Lyon":        "née le [BIRTH_DATE_1], à Lyon",
		"Fecha de nacimiento: 3 de abril 85": "Fecha de nacimiento: [BIRTH_DATE_1]",
		// phones
		"4155552671":                          "[PHONE_1]",
		"it is 0044 20 7946 0958":             "it is [PHONE_1]",
		"ring 00442079460958":                 "ring [PHONE_1]",
		"call me at 555-1234, or on 867-5309": "call me at [PHONE_1], or on 867-5309",
		"phone: 867 5309":                     "phone: [PHONE_1]",
		"01 23 45 67 89":                      "[PHONE_1]",
		"Handynummer 01511234567":             "Handynummer [PHONE_1]",
		"my number is 415.555.2671":           "my number is [PHONE_1]",
		// ids, cards, accounts
		"SSN 078051120":                          "SSN [ID_1]",
		"my social security number is 078051120": "my social security number is [ID_1]",
		"passport no. C01X00T47":                 "passport no. [ID_1]",
		"Driver's license: D1234567":             "Driver's license: [ID_1]",
		"NI QQ123456C? AB 12 34 56 C":            "NI QQ123456C? [ID_1]",
		"DNI 12345678Z and 12345678A":            "DNI [ID_1] and 12345678A",
		"de89370400440532013000":                 "[IBAN_1]",
		"exp 12/26, CVV 123":                     "exp [CARD_2], CVV [CARD_1]",
		"CPF 123.456.789-09":                     "CPF [ID_1]",
		"1 85 05 78 006 084 91":                  "[ID_1]",
		"11010519491231002X":                     "[ID_1]",
		// addresses on networks
		"from 203.0.113.7 today":                         "from [IP_1] today",
		"2001:0db8:0000:0000:0000:ff00:0042:8329":        "[IP_1]",
		"john dot smith at gmail dot com":                "[EMAIL_1]",
		"john.smith (at) example (dot) org":              "[EMAIL_1]",
		"write ann@x.example, ANN@x.example, b@x.exampl": "write [EMAIL_1], [EMAIL_1], [EMAIL_2]",
	} {
		if got, _ := redact.Mask(text); got != want {
			t.Errorf("Mask(%q) is\n%q; want\n%q", text, got, want)
		}
	}
}

// TestOrdinaryWordsStay holds that what resembles personal data is left alone.
func TestOrdinaryWordsStay(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"I am sorry, I'm Not sure.", "I am German.", "Hi there! Hello World!", "Dear Sir or Madam,", "I'm happy to help.",
		"Thanks, that is perfect. Thanks! Monday works.", "This is Great news.", "my name is not on the list",
		"a 5 minute drive, 3 way street, 2 miles of road", "a 10 mile road", "Version 1.2.10.3 of 127.0.0.1 and 10.0.0.1",
		"The total is $2500000000 for 1700000000 seconds.", "Order 20261123, part 12345678", "from 2020 to 2026-01-02",
		"Einstein was born in Ulm in 1879.", "She was born on 14 March 1879.", "The answer is 3.1415926535", "call 911", "You can call us at 9 am.", "pages 100-1200", "#### 1234567",
		"The phone has 128 GB", "the order is for Tuesday", "What is your name?", "ID 4711", "He won 10,000,000 in 2024.",
		"<<6000-600-700-1200-2000=1500>>", "Place it on 3 Plates", "Is the expiration date important?", "We drive 12 hours a day on the road.",
	} {
		if got, _ := redact.Mask(text); got != text {
			t.Errorf("Mask(%q) is %q", text, got)
		}
	}
}

// TestAConversationKeepsItsPlaceholders gives the same value the same placeholder in all texts.
func TestAConversationKeepsItsPlaceholders(t *testing.T) {
	t.Parallel()
	m := redact.New()
	raw := json.RawMessage(`[{"content":"Ann here? I am Ann Lee, a@b.example or c@b.example"},{"content":"Thank you Ann."}]`)
	m.JSON(raw) // names are known from the second look on
	const want = `[{"content":"[NAME_1] here? I am [NAME_1], [EMAIL_1] or [EMAIL_2]"},{"content":"Thank you [NAME_1]."}]`
	if got := string(m.JSON(raw)); got != want {
		t.Errorf("got %s", got)
	}
	if got, _ := m.Text("Lee, I wrote to C@B.example and d@b.example."); got != "[NAME_1], I wrote to [EMAIL_2] and [EMAIL_3]." {
		t.Errorf("got %s", got)
	}
}

// TestPlaceholder finds what stands in the place of a value.
func TestPlaceholder(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"Your number is [PHONE_1].": true, "I wrote to [email]": true, "key [secret]": true, "<PERSON> called": true,
		"Dear [Your Name]": true, "call [Company Phone Number]": true, "a[0] and [1]": false, "[link](x)": false,
		"<p>NAME</p>": false, "": false, "[NAME]": true, "[your call]": true, "see [name.go]": false,
	} {
		if got := redact.Placeholder(text); got != want {
			t.Errorf("Placeholder(%q) is %v", text, got)
		}
	}
}

// TestRenamingGivesInventedNames gives each person one name of a conversation's own, which masks and stays.
func TestRenamingGivesInventedNames(t *testing.T) {
	t.Parallel()
	m := redact.Renaming("a conversation")
	first, _ := m.Text("I am Ann Lee, write to ann@x.example. Mr Brown is my boss.")
	again, _ := m.Text("Thanks, Ann. And Mr. Brown's desk?")
	if strings.Contains(first+again, "Ann") || strings.Contains(first+again, "Brown") || !strings.Contains(first, "[EMAIL_1]") ||
		redact.Placeholder(again) || redact.Found(first) || redact.Found(again) || !redact.Invented(again) {
		t.Errorf("got %q and %q", first, again)
	}
	if same, _ := m.Text(again); same != again {
		t.Errorf("%q became %q", again, same)
	}
	if equal, _ := redact.Renaming("a conversation").Text("I am Zoe."); !strings.HasPrefix(first, equal[:len(equal)-1]) {
		t.Errorf("the same conversation has %q and %q", equal, first)
	}
	var many strings.Builder
	for i := range 60 {
		many.WriteString("Mr. " + "A" + string(rune('a'+i%26)) + string(rune('a'+i/26)) + "son is here. ")
	}
	if all, _ := redact.Renaming("").Text(many.String()); strings.Contains(all, "son") || !strings.Contains(all, "[NAME_1]") {
		t.Errorf("more people than invented names: %s", all)
	}
}
