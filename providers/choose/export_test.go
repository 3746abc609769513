package choose

// Len returns how many conversations are remembered.
func (m *Memory) Len() int { return len(m.homes) }

// Len returns of how many targets the speed is known.
func (s *Speeds) Len() int { return len(s.known) }
