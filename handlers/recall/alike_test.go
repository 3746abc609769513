package recall

import "testing"

func TestAlike(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"Ask for the order number first.", "Ask for the order number, first!", true},
		{"Ask for the order number first.", "Never promise a date.", false},
		{"Fragen Sie zuerst nach der Bestellnummer.", "Fragen Sie immer zuerst nach der Bestellnummer.", true},
		// One or two characters more, less or other.
		{"回答订单问题之前，请先询问客户的订单号。", "在回答订单问题之前，请先询问客户的订单号码。", true},
		{"回答订单问题之前，请先询问客户的订单号。", "回答订单的问题之前请先询问客户的订单号。", true},
		{"在回答订单问题之前，请先询问客户的订单号码。", "回答订单的问题之前请先询问客户的订单号。", true},
		{"回答订单问题之前，请先询问客户的订单号。", "答应客户退款之前，请先检查库存。", false},
		{"回答订单问题之前，请先询问客户的订单号。", "不要承诺具体的送货日期。", false},
		{"注文の質問に答える前に、注文番号を確認してください。", "注文の質問に答える前に注文番号を必ず確認してください。", true},
		{"注文の質問に答える前に、注文番号を確認してください。", "返品の期限は三十日だと伝えてください。", false},
		{"ถามหมายเลขคำสั่งซื้อก่อนตอบคำถาม", "ถามหมายเลขคำสั่งซื้อก่อนจะตอบคำถาม", true},
		{"ถามหมายเลขคำสั่งซื้อก่อนตอบคำถาม", "อย่าสัญญาวันจัดส่งที่แน่นอน", false},
		{"질문에 답하기 전에 주문 번호를 먼저 확인하세요.", "질문에 답하기 전에 주문 번호를 먼저 확인하세요!", true},
		{"用 GitHub 登录之前先检查 API 的版本。", "用 GitHub 登录前先检查 API 的版本。", true},
		{"好", "好", true},
		{"", "", false},
		{"。", "！", false},
	} {
		if got := Alike(test.a, test.b); got != test.want || Alike(test.b, test.a) != test.want {
			t.Errorf("%q and %q: alike is %v", test.a, test.b, got)
		}
	}
}
