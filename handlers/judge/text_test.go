package judge

import "testing"

func TestRefusal(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"I'm sorry, but I can't help with that.":                     true,
		"I\u2019m sorry, but I can\u2019t assist with this request.": true,
		"As an AI language model, I have no opinions.":               true,
		"I am unable to provide such information.":                   true,
		"Sorry, I can't.": true,
		"I'm sorry to hear that! I have sent you a new one.":                  false,
		"I can't find your order: what is its number?":                        false,
		"Unfortunately we cannot deliver on Sundays; Monday is the next day.": false,
		"You can help us by sending a picture.":                               false,
		"The AI department is on the second floor.":                           false,
		"": false,
	} {
		if got := Refusal(text); got != want {
			t.Errorf("Refusal(%q) = %v", text, got)
		}
	}
}

func TestErrorText(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"Internal Server Error":                       true,
		"Error 500":                                   true,
		"Error: connection refused":                   true,
		"HTTP/1.1 502 Bad Gateway":                    true,
		"503 Service Unavailable":                     true,
		`{"error": {"message": "overloaded"}}`:        true,
		"<!DOCTYPE html><html><body>oops":             true,
		"Traceback (most recent call last):\n  File":  true,
		"An unexpected error occurred while loading.": true,
		"undefined": true,
		"Error messages like this mean the disk is full.": false,
		"The service is unavailable on Sundays.":          false,
		"404 rooms are booked.":                           false,
		"There is no error in your invoice.":              false,
		"":                                                false,
	} {
		if got := ErrorText(text); got != want {
			t.Errorf("ErrorText(%q) = %v", text, got)
		}
	}
}
