# O que diz o comando `demo`, em português do Brasil. As chaves começam com `demo-`.
