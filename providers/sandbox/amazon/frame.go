package amazon

import (
	"encoding/binary"
	"hash/crc32"
)

// textHeader is the type of a header whose value is a text.
const textHeader = 7

// Header is a header of a frame: they have an order.
type Header struct{ Name, Value string }

// Frame writes a message: its length, the length of its headers and the sum of both,
// then headers and payload and the sum of everything
// (https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html).
func Frame(headers []Header, payload []byte) []byte {
	var head []byte
	for _, h := range headers {
		head = append(head, byte(len(h.Name)))
		head = append(head, h.Name...)
		head = append(head, textHeader)
		head = binary.BigEndian.AppendUint16(head, uint16(len(h.Value)))
		head = append(head, h.Value...)
	}
	const around = 16 // two lengths and two sums
	out := binary.BigEndian.AppendUint32(nil, uint32(around+len(head)+len(payload)))
	out = binary.BigEndian.AppendUint32(out, uint32(len(head)))
	out = binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out))
	out = append(append(out, head...), payload...)
	return binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(out))
}
