package work

import (
	"bufio"
	"bytes"
	"io"

	"dreamlab/providers/sandbox/lab"
)

// ParseLine reads a line of a file of requests, in a vendor's words.
type ParseLine func(line []byte) (BatchLine, *BatchFault)

// ReadLines reads the requests of a batch from a file of JSON lines, and what is wrong
// with them. The error is of reading, not of the file.
func ReadLines(file io.Reader, parse ParseLine) ([]BatchLine, []BatchFault, error) {
	var lines []BatchLine
	var faults []BatchFault
	seen := map[string]bool{}
	scanner := bufio.NewScanner(file)
	scanner.Buffer(make([]byte, 64<<10), maxLine)
	for n := 1; scanner.Scan(); n++ {
		if len(bytes.TrimSpace(scanner.Bytes())) == 0 {
			continue
		}
		line, fault := parse(scanner.Bytes())
		if fault == nil && line.ID != "" && seen[line.ID] {
			fault = &BatchFault{Code: "duplicate_custom_id", Message: "The custom_id of this line was used before."}
		}
		if fault != nil {
			fault.Line = n
			faults = append(faults, *fault)
		}
		seen[line.ID] = true
		lines = append(lines, line)
	}
	if len(lines) == 0 {
		faults = append(faults, BatchFault{Code: "empty_file", Message: "The file holds no requests."})
	}
	return lines, faults, scanner.Err()
}

// Lines reads the requests of a batch from an uploaded file.
func (bs *Batches) Lines(file string, parse ParseLine) ([]BatchLine, []BatchFault, *lab.Failure) {
	bs.mu.Lock()
	_, refused := bs.file(file)
	bs.mu.Unlock()
	if refused != nil {
		return nil, nil, refused
	}
	body, err := bs.lab.Shelf.Open(file)
	if err != nil {
		return nil, nil, lab.Invalid("input_file_id", "the bytes of %s have not been uploaded yet", file)
	}
	defer body.Close()
	lines, faults, err := ReadLines(body, parse)
	if err != nil {
		return nil, nil, lab.NotKept(err)
	}
	return lines, faults, nil
}
