package judge

import "testing"

func TestRefusal(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"I'm sorry, but I can't help with that.":                     true,
		"I\u2019m sorry, but I can\u2019t assist with this request.": true,
		"As an AI language model, I have no opinions.":               true,
		"I am unable to provide such information.":                   true,
		"Sorry, I can't.":                                                     true,
		"I'd rather not.":                                                     true,
		"I would prefer not to talk about it.":                                true,
		"That violates our content policy.":                                   true,
		"I'm not comfortable answering that.":                                 true,
		"Lo siento, pero no puedo ayudarte con eso.":                          true,
		"Prefiero no responder.":                                              true,
		"Dabei kann ich dir leider nicht helfen.":                             true,
		"Als KI-Modell habe ich keine Meinung.":                               true,
		"Je suis désolé, mais je ne peux pas vous aider.":                     true,
		"Mi dispiace, non posso aiutarti.":                                    true,
		"Desculpe, não posso ajudar com isso.":                                true,
		"Daar kan ik je helaas niet mee helpen.":                              true,
		"Извините, я не могу помочь с этим.":                                  true,
		"抱歉，我无法回答这个问题。":                                                       true,
		"申し訳ありませんが、お答えできません。":                                                 true,
		"죄송하지만 도와드릴 수 없습니다.":                                                  true,
		"Lo siento, no puedo encontrar su pedido: ¿me da el número?":          false,
		"Das kann ich gern für dich tun.":                                     false,
		"Je ne peux pas trouver votre commande, quel est son numéro ?":        false,
		"Our policy is to refund within 30 days.":                             false,
		"You can return it, which is within the rules.":                       false,
		"I would rather take the train, since it is faster.":                  false,
		"We will help you with the tyre tomorrow.":                            false,
		"我可以帮助您。":                                                             false,
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
		"undefined":                   true,
		"Oops! Something went wrong.": true,
		"The model is overloaded, please try again later.": true,
		"Code 0x80070057":                                       true,
		"Request failed with status code 503":                   true,
		"java.lang.NullPointerException: null":                  true,
		"TypeError: x is not a function":                        true,
		"Sorry, an unexpected error has occurred.":              true,
		"Failed to fetch the response from the backend.":        true,
		"ECONNREFUSED 127.0.0.1:443":                            true,
		"[ERROR] worker 3 died":                                 true,
		"Uh-oh, that broke. Try again.":                         true,
		"Es ist ein Fehler aufgetreten.":                        true,
		"Se ha producido un error. Inténtelo de nuevo.":         true,
		"Please try again later.":                               true,
		"Segmentation fault (core dumped)":                      true,
		"We are currently experiencing technical difficulties.": true,
		"{}": true,
		"The kitchen is busy at noon, so come at two.":                    false,
		"Could you try again with the other key? It should open now.":     false,
		"Error bars show one standard deviation.":                         false,
		"Request a refund under Orders and we send it within three days.": false,
		"Something blue would go well with it.":                           false,
		"Permission slips are at the desk.":                               false,
		"Error messages like this mean the disk is full.":                 false,
		"The service is unavailable on Sundays.":                          false,
		"404 rooms are booked.":                                           false,
		"There is no error in your invoice.":                              false,
		"":                                                                false,
	} {
		if got := ErrorText(text); got != want {
			t.Errorf("ErrorText(%q) = %v", text, got)
		}
	}
}
