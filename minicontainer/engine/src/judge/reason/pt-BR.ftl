## Como um programa terminou

wall-time-limit = limite de tempo excedido
cpu-time-limit = limite de tempo de processador excedido
memory-limit = limite de memória excedido
output-limit = limite de saída excedido
exit-code = código de saída { $code }
signal = sinal { $number }
signal-named = sinal { $number } ({ $name })
after-out-of-memory = { $reason }, depois de ficar sem memória
with-full-disk = { $reason }, com o disco cheio
after-pids-limit = { $reason }, depois de atingir o limite de processos
unknown-end = terminou de um modo desconhecido: { $verdict }

## Em que a resposta difere

unit-differs = { $unit ->
    [word] palavra
   *[line] linha
 } { $place }: esperava-se { $expected }, e não { $answer }
unit-missing = falta a { $unit ->
    [word] palavra
   *[line] linha
 } { $place }: esperava-se { $expected }
unit-unexpected = { $unit ->
    [word] a palavra
   *[line] a linha
 } { $place } não era esperada: { $answer }

## Por que não pôde ser avaliado

cannot-be-judged = não pode ser avaliado: { $cause }
cannot-be-executed = não pode ser executado
was-removed = foi removido ou renomeado durante a avaliação
not-a-file = não é um arquivo nem um diretório, e links não são seguidos
bad-name = o nome não é válido: só são permitidos letras, dígitos, espaços e . , _ - + @ ( ) ' =
engine-cannot-open = o motor não consegue abri-lo
cannot-be-opened = não pode ser aberto
engine-failed = o motor falhou
